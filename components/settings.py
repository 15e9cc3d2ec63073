"""The settings that travel from the configuration to the workers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schema.roles import AnyRole
from schema.section import Section


class ModelSettings(Section):
    """The default wide and deep model, and how it is trained."""

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field((64, 32), description="units of each hidden layer")
    embedding: int = Field(8, ge=1, description="size of the vector that each category has")
    dropout: float = Field(0.3, ge=0, lt=1)
    l2: float = Field(1e-5, ge=0)
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)
    batch_size: int = Field(128, ge=1)
    epochs: int = Field(40, ge=1, description="at most; early stopping ends training before")
    patience: int = Field(4, ge=1, description="epochs without a better loss on the eval split before training stops")
    seed: int = Field(1, ge=0)
    mixed_precision: bool = False
    accumulate_steps: int = Field(1, ge=1, description="batches whose gradients are added up before a step")
    strategy: Literal["single", "mirrored"] = Field("single", description="mirrored trains on all GPUs of the machine")
    checkpoint_steps: int | None = Field(None, ge=1, description="batches between checkpoints; each epoch by default")
    in_memory: bool = Field(default=True, description="hold the transformed examples in memory while they fit")


class TrainingOptions(Section):
    """All that `run_fn` needs to know beyond its inputs; the Trainer's custom_config."""

    problem: Literal["binary", "multiclass", "regression"]
    label: str
    features: tuple[AnyRole, ...]
    model: ModelSettings
    build_model: str = Field(description="dotted path of the function that builds the model")
    checkpoints: str = Field(description="folder that outlives the run, for the checkpoints of one that was killed")
    code: str = Field(description="a hash of the code, so that a changed function is not taken from the cache")
