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
    SKIPPED = "skipped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


FINISHED = (State.DONE, State.CACHED)
SETTLED = (*FINISHED, State.SKIPPED)


@dataclass(frozen=True)
class Step:
    """One node of the DAG: its name, and the names of the nodes that must be done before it.

    `is_last` says that they need not have succeeded: it runs when none of them runs or will, as an exit handler does.
    """

    name: str
    upstream: tuple[str, ...]
    is_last: bool = False


@dataclass
class StepStatus:
    """A step, as it stands."""

    name: str
    state: State = State.WAITING
    seconds: float = 0.0
    note: str = ""


class Watcher(Protocol):
    """Is told how the steps stand."""

    def announce(self, text: str) -> None:
        """Something is being done before the first step."""

    def changed(self, status: StepStatus, statuses: Sequence[StepStatus]) -> None:
        """One of the steps changed its state or its note."""

    def tick(self, statuses: Sequence[StepStatus]) -> None:
        """Time has passed."""
