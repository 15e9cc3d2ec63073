"""What is known of every version that was ever here, as clients see it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import IntEnum

from serving.server.status import StatusError


class State(IntEnum):
    """Where a version is in its life; numbers and names are ModelVersionStatus.State's."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class Record:
    """A version's state, and what ended it if that was an error."""

    state: State
    error: StatusError | None = None


class StateLog:
    """The last state of each version of each model; ends stay for the life of the process. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, dict[int, Record]] = {}

    def publish(self, name: str, number: int, state: State, error: StatusError | None = None) -> None:
        """Takes note of a version's new state."""
        with self._lock:
            self._records.setdefault(name, {})[number] = Record(state, error)

    def of(self, name: str) -> dict[int, Record]:
        """Returns a model's versions by number, the highest first; none for a model that was never here."""
        with self._lock:
            return dict(sorted(self._records.get(name, {}).items(), reverse=True))
