"""Folders of models, and the words that tests of a model's life share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import get_model_status_pb2, model_pb2
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from serving.server.lifecycle.core import Core
from serving.server.status import StatusError

PATIENCE = 30.0


class Disk:
    """Base paths of models, each with folders of versions."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, name: str, *versions: int | str) -> None:
        """Makes a model's base path, and folders of versions in it."""
        (self.root / name).mkdir(exist_ok=True)
        for version in versions:
            (self.root / name / str(version)).mkdir()

    def remove(self, name: str, *versions: int) -> None:
        """Removes folders of versions."""
        for version in versions:
            (self.root / name / str(version)).rmdir()

    def model(self, name: str, more: str = "") -> ModelConfig:
        """Returns a model's configuration, with more of it as text proto."""
        model = ModelConfig(name=name, base_path=str(self.root / name), model_platform="tensorflow")
        return text_format.Parse(more, model)

    def config(self, *names: str, **more: str) -> ModelServerConfig:
        """Returns a configuration of models by name, of some with more text proto."""
        config = ModelServerConfig()
        config.model_config_list.SetInParent()
        models = [*(self.model(name) for name in names), *(self.model(name, text) for name, text in more.items())]
        config.model_config_list.config.extend(models)
        return config


def spec(name: str, version: int | None = None, label: str | None = None) -> Any:
    """Returns a ModelSpec."""
    made = model_pb2.ModelSpec(name=name, version_label=label)
    if version is not None:
        made.version.value = version
    return made


def serves(core: Core, name: str, version: int | None = None, label: str | None = None) -> int | None:
    """Returns the number of the version that answers, or None."""
    try:
        with core.servable(spec(name, version, label)) as servable:
            return servable.version
    except StatusError:
        return None


def states(core: Core, name: str) -> dict[int, str]:
    """Returns the state of each version of a model, in the order that clients get them."""
    names = get_model_status_pb2.ModelVersionStatus.State
    return {status.version: names.Name(status.state) for status in core.statuses(name)}


def eventually(condition: Callable[[], object]) -> None:
    """Returns once something is so."""
    patience = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < patience, "it never came to be"
        time.sleep(0.001)


def refusal(work: Callable[[], object]) -> tuple[str, str]:
    """Returns the code and message that something fails with."""
    with pytest.raises(StatusError) as refused:
        work()
    return refused.value.code.name, refused.value.message


def finishes(work: Callable[[], None]) -> None:
    """Does something that would never end if it were wrong, and returns when it has."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it does not end"
