"""Which models are served, from a file or from flags, and whether a new list of them is legal.

Source: model_servers/server_core.cc, model_servers/server.cc.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig, ModelType

from serving.server.lifecycle.source import is_absolute
from serving.server.status import failed_precondition, invalid_argument, not_found

PLATFORM = "tensorflow"
LIST = "model_config_list"
FIELDS = "ModelServerConfig::model_type (deprecated) {} ModelServerConfig::model_platform."


def read(file: Path) -> ModelServerConfig:
    """Returns what a text proto of ModelServerConfig says.

    Raises:
      StatusError: there is no such file, or it is no such text.
    """
    try:
        return text_format.Parse(file.read_text("utf-8"), ModelServerConfig())
    except OSError as error:
        raise not_found(f"{file}; {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        message = f"Error parsing text-format {ModelServerConfig.DESCRIPTOR.full_name}: {error}"
        raise invalid_argument(f"{message}; invalid protobuf file: '{file}'") from error


def single(name: str, base_path: str) -> ModelServerConfig:
    """Returns the configuration that --model_name and --model_base_path stand for."""
    config = ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=base_path, model_platform=PLATFORM)
    return config


def check(new: ModelServerConfig, old: ModelServerConfig) -> None:
    """Checks that a list of models can take the place of another, or of an empty configuration.

    Raises:
      StatusError: it is no list of models, or a model of it is not as it should be.
    """
    if new.WhichOneof("config") != LIST:
        raise failed_precondition(
            "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to another."
        )
    names = [model.name for model in new.model_config_list.config]
    for index, model in enumerate(new.model_config_list.config):
        if model.name in names[:index]:
            raise invalid_argument(f"Illegal to list model {model.name} multiple times in config list")
    for model in new.model_config_list.config:
        _check_path(model)
    _check_platforms(new, old)


def check_reloadable(new: ModelServerConfig) -> None:
    """Checks that a request to reload holds a list of models, which is all that a request may.

    Raises:
      StatusError: it does not.
    """
    if new.WhichOneof("config") != LIST:
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )


def _check_path(model: Any) -> None:
    if not is_absolute(model.base_path):
        raise invalid_argument(
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
        )


def _check_platforms(new: ModelServerConfig, old: ModelServerConfig) -> None:
    before = {model.name: _platform(model) for model in old.model_config_list.config}
    for model in new.model_config_list.config:
        name, platform = model.name, _platform(model)
        if platform != before.get(name, platform):
            raise invalid_argument(
                f"Illegal to change a model's platform. For model {name} platform was {before[name]} "
                f"and new platform requested is {platform}"
            )
        if platform != PLATFORM:
            raise invalid_argument(f"Model {name} requests unsupported platform {platform}")


def _platform(model: Any) -> str:
    if model.model_type and model.model_platform:
        raise invalid_argument(f"Illegal setting both {FIELDS.format('and')}")
    if model.model_type not in {ModelType.MODEL_TYPE_UNSPECIFIED, ModelType.TENSORFLOW}:
        raise invalid_argument(f"ModelServerConfig::model_type choice {model.model_type} not supported.")
    platform = PLATFORM if model.model_type else model.model_platform
    if not platform:
        raise invalid_argument(f"Illegal setting neither {FIELDS.format('nor')}")
    return str(platform)
