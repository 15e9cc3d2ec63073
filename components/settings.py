"""The settings that travel from the configuration to the workers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from schema.roles import AnyRole
from schema.section import Section

BUILD_MODEL = "components.model.build_model"
ClassName = Annotated[str, BeforeValidator(str)]  # YAML has numbers and truth values for keys, too
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ModelSettings(Section):
    """The default model, an ensemble of networks beside boosted trees, and how it is trained."""

    members: int = Field(8, ge=1, description="networks in the ensemble")
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field((128, 128), description="units of each hidden layer")
    embedding: int = Field(8, ge=1, description="size of the vector that each category has")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of units left out of each training step")
    learning_rate: float = Field(2e-3, gt=0, allow_inf_nan=False, description="of the optimizer, AdamW")
    weight_decay: float = Field(3e-4, ge=0, description="of the optimizer: how fast weights that no row needs shrink")
    batch_size: int | None = Field(
        None, ge=1, description="rows in each training step; by default about a 32nd of them, from 16 to 256"
    )
    epochs: int = Field(100, ge=1, description="at most; early stopping ends training before")
    steps: int | None = Field(None, ge=1, description="batches in all, at most; by default epochs alone set the end")
    patience: int = Field(8, ge=1, description="epochs without a better loss on the eval split before training stops")
    refit_rows: int = Field(
        5_000,
        ge=0,
        description="up to so many rows, the networks are trained anew on the train and eval splits together, once the "
        "eval split has said for how long: a small table has no rows to spare",
    )
    trees: int = Field(
        150,
        ge=0,
        description="boosting rounds of the trees beside the networks, at most; they join the model where the eval "
        "split is the better for it; 0 for networks alone",
    )
    tree_depth: int = Field(8, ge=1, le=16, description="levels of each tree, at most")
    tree_rows: int = Field(500_000, ge=1, description="rows that the trees are fitted on, at most")
    class_weights: Literal["none", "balanced"] | dict[ClassName, Weight] = Field(
        "none",
        description="balanced trains on rare classes as much as on frequent ones, {class: weight} as you say; the "
        "answers stay probabilities of the data as it is",
    )
    seed: int = Field(1, ge=0, le=10**9, description="of the first weights, the order of rows and dropout")
    mixed_precision: bool = Field(default=False, description="compute in 16 bits where that is safe: faster on GPUs")
    accumulate_steps: int = Field(1, ge=1, description="batches whose gradients are added up before a step")
    strategy: Literal["single", "mirrored"] = Field("single", description="mirrored trains on all GPUs of the machine")
    checkpoint_steps: int | None = Field(None, ge=1, description="batches between checkpoints; by the clock by default")
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
