"""How a step stands, and what a person may see of it while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """The states of a step."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass
class StepStatus:
    """A step, as it stands."""

    name: str
    state: State = State.WAITING
    seconds: float = 0.0
    note: str = ""


class Watcher(Protocol):
    """Is told whenever a step's status changes, and a few times a second while one runs."""

    def changed(self, status: StepStatus) -> None:
        """A step changed its state or its note."""

    def tick(self, statuses: Sequence[StepStatus]) -> None:
        """Time has passed."""
