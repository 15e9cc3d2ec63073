"""A core and models that need no TensorFlow and no disk, for tests of what talks to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.servable import Array, Servable, Signature, TensorInfo
from serving.server.status import deadline_exceeded, invalid_argument, not_found

Function = Callable[[dict[str, Array]], dict[str, Array]]


class FakeSession:
    """Calls a Python function with inputs by the names of their tensors."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def run(
        self, feeds: tuple[str, ...], values: Sequence[Array], fetches: tuple[str, ...], deadline: float | None
    ) -> list[Array]:
        """See Session."""
        if deadline is not None and time.monotonic() >= deadline:
            raise deadline_exceeded("Timed out waiting for notification")
        outputs = self._function(dict(zip(feeds, values, strict=True)))
        return [outputs[fetch] for fetch in fetches]

    def close(self) -> None:
        """See Session."""


def signature(inputs: Mapping[str, int], outputs: Mapping[str, int], key: str = "serving_default") -> Signature:
    """Returns a signature whose inputs and outputs are aliases and numbers of tensorflow.DataType.

    The graph's tensors are called as the aliases.
    """
    return Signature(key, "tensorflow/serving/predict", _infos(inputs), _infos(outputs))


def _infos(kinds: Mapping[str, int]) -> dict[str, TensorInfo]:
    return {alias: TensorInfo(alias, alias, kind, None) for alias, kind in kinds.items()}


def servable(
    function: Function, *signatures: Signature, name: str = "m", version: int = 1, definitions: Mapping[str, Any] = {}
) -> Servable:
    """Returns a model that answers with a Python function."""
    by_key = {each.key: each for each in signatures}
    return Servable(name, version, Path("/models") / name / str(version), by_key, definitions, FakeSession(function))


@dataclass
class FakeCore:
    """Models in memory, by name and version.

    Attributes:
      labels: versions by model and label.
      ready: what is_ready says.
    """

    servables: dict[tuple[str, int], Servable]
    labels: dict[tuple[str, str], int] = field(default_factory=dict)
    ready: bool = True

    @contextmanager
    def servable(self, spec: ModelSpec) -> Iterator[Servable]:
        """See Core."""
        yield self._found(spec)

    def statuses(self, name: str, version: int | None) -> list[ModelVersionStatus]:
        """See Core."""
        versions = sorted((number for model, number in self.servables if model == name), reverse=True)
        if not versions:
            raise not_found(f"Could not find any versions of model {name}")
        if version is not None and version not in versions:
            raise not_found(f"Could not find version {version} of model {name}")
        wanted = versions if version is None else [version]
        return [ModelVersionStatus(version=number, state=ModelVersionStatus.AVAILABLE) for number in wanted]

    def names(self) -> list[str]:
        """See Core."""
        return [name for name, _ in self.servables]

    def is_ready(self) -> bool:
        """See Core."""
        return self.ready

    def _found(self, spec: ModelSpec) -> Servable:
        version = spec.version.value if spec.HasField("version") else None
        if spec.version_label:
            version = self.labels.get((spec.name, spec.version_label))
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        if version is None:
            versions = [number for name, number in self.servables if name == spec.name]
            if not versions:
                raise not_found(f"Servable not found for request: Latest({spec.name})")
            version = max(versions)
        if (spec.name, version) not in self.servables:
            raise not_found(f"Servable not found for request: Specific({spec.name}, {version})")
        return self.servables[spec.name, version]
