"""What a server is told to serve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2


def model_config(name: str, base_path: Path, policy: str = "", labels: Mapping[str, int] | None = None) -> Any:
    """Returns the ModelConfig of a model; `policy` is a model_version_policy in text, `all {}` say."""
    text = f"model_version_policy {{ {policy} }}" if policy else ""
    config = text_format.Parse(text, model_server_config_pb2.ModelConfig())
    config.name, config.base_path, config.model_platform = name, str(base_path), "tensorflow"
    config.version_labels.update(labels or {})
    return config


def config_text(configs: Iterable[Any]) -> str:
    """Returns a model config file's text."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.extend(configs)
    return str(text_format.MessageToString(config))
