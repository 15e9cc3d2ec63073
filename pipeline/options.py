"""What Transform and Trainer are told of the configuration."""

from __future__ import annotations

from typing import Any

from tfx.proto import transform_pb2

from components.settings import BUILD_MODEL, TrainingOptions
from components.user_code import fingerprint, load_function
from pipeline.config import Config
from schema.roles import dump_roles

PREPROCESSING_FN = "components.preprocessing.preprocessing_fn"
RUN_FN = "components.training.run_fn"
MODULES_OF_A_MODEL = (
    *("components.model", "components.layers", "components.trees", "components.blend", "components.class_weights"),
    *("components.training", "components.signatures", "components.data"),
)


def check_user_code(config: Config) -> None:
    """Holds the user's functions against what they are called with.

    Raises:
      UsageError: a function does not exist, or does not take what it is called with.
    """
    load_function(_preprocessing_fn(config), ("inputs", "custom_config"))
    load_function(_build_model(config), ("shape", "settings"))


def preprocessing_options(config: Config) -> dict[str, Any]:
    """Returns Transform's `preprocessing_fn`, and what that is told; a changed function gives another cache key.

    Raises:
      UsageError: the user's function is in no module that there is.
    """
    function = _preprocessing_fn(config)
    told = {
        "features": dump_roles(config.features),
        "label": config.label,
        "problem": config.problem,
        "code": fingerprint(function),
    }
    return {
        "preprocessing_fn": function,
        "custom_config": told,
        "splits_config": transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"]),
        "disable_statistics": True,
        "disable_analyzer_cache": True,
    }


def training_options(config: Config, root: str) -> dict[str, Any]:
    """Returns the Trainer's `run_fn`, and what that is told; changed code gives another cache key.

    Raises:
      UsageError: the user's function is in no module that there is.
    """
    function = _build_model(config)
    modules = (f"{module}.any" for module in MODULES_OF_A_MODEL)
    told = TrainingOptions(
        problem=config.problem,
        label=config.label,
        features=config.features,
        model=config.model,
        build_model=function,
        checkpoints=f"{root}/checkpoints",
        code="-".join([fingerprint(function), *map(fingerprint, modules)]),
    )
    return {"run_fn": RUN_FN, "custom_config": told.model_dump(mode="json")}


def _preprocessing_fn(config: Config) -> str:
    return config.user_code.preprocessing_fn or PREPROCESSING_FN


def _build_model(config: Config) -> str:
    return config.user_code.build_model or BUILD_MODEL
