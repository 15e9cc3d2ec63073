"""From a request's ModelSpec to a version that is loaded and stays so until the request is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from serving.server.lifecycle.version import Version
from serving.server.servable import Servable
from serving.server.status import StatusError, invalid_argument, not_found


@dataclass(frozen=True, slots=True)
class Available:
    """The available versions of a model; never empty."""

    latest: Version
    by_number: Mapping[int, Version]


@dataclass(slots=True)
class Directory:
    """What can be looked up. Its mappings are replaced as a whole and never changed, so that reading takes no lock."""

    models: Mapping[str, Available] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def replace(self, name: str, versions: Mapping[int, Version]) -> None:
        """Makes these a model's available versions. One thread at a time."""
        others = {key: value for key, value in self.models.items() if key != name}
        if versions:
            others[name] = Available(versions[max(versions)], versions)
        self.models = others

    def find(self, spec: Any) -> Version:
        """Returns the available version that a ModelSpec means: the one it names or labels, else the highest.

        Raises:
          StatusError: it is not available (NOT_FOUND), or no model or an unknown label is named (INVALID_ARGUMENT).
        """
        name = spec.name
        available = self.models.get(name)
        choice = spec.WhichOneof("version_choice")
        if choice is None and available is not None:
            return available.latest
        if choice is None or not name:
            raise not_found(f"Servable not found for request: Latest({name})") if name else _nameless()
        number = spec.version.value if choice == "version" else self._labelled(name, spec.version_label)
        version = available.by_number.get(number) if available is not None else None
        if version is None:
            raise not_found(f"Servable not found for request: Specific({name}, {number})")
        return version

    def _labelled(self, name: str, label: str) -> int:
        number = self.labels.get(name, {}).get(label)
        if number is None:
            raise invalid_argument(f"Unrecognized servable version label: {label}")
        return number


class Use:
    """A request's hold on a version: it is unloaded only after the `with` block."""

    __slots__ = ("_directory", "_spec", "_version")
    _version: Version

    def __init__(self, directory: Directory, spec: Any) -> None:
        self._directory = directory
        self._spec = spec

    def __enter__(self) -> Servable:
        """Returns the servable; see Directory.find for what it raises.

        A version that turns out to be on its way out has left the directory before, so the next look finds another.
        """
        while True:
            version = self._directory.find(self._spec)
            if version.enter():
                self._version = version
                return version.servable  # type: ignore[return-value]  # what the directory holds is loaded

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._version.leave()


def _nameless() -> StatusError:
    return invalid_argument("ModelSpec has no name specified.")
