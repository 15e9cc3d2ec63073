"""The compiled pipelines of these tests, and orders for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.steps import State, StepStatus
from pipeline.submission.compiled import read_compiled
from pipeline.submission.orders import Order

GOLDEN = Path(__file__).parents[1] / "golden" / "submission"
SPEC, JOB = GOLDEN / "tiny.yaml", GOLDEN / "tiny.json"


def order(file: Path = SPEC, **changes: Any) -> Order:
    """An order for a run of a compiled pipeline."""
    settings = {"run_name": "a run", "parameters": {"destination": "/models"}} | changes
    return Order(read_compiled(file), **settings)


class Recorder:
    """A watcher that keeps what it is told: the step and its state."""

    def __init__(self) -> None:
        self.told: list[tuple[str, State]] = []
        self.ticks = 0

    def announce(self, text: str) -> None:
        """Keeps nothing."""

    def changed(self, status: StepStatus, statuses: Any) -> None:
        """Keeps the state."""
        del statuses
        self.told.append((status.name, status.state))

    def tick(self, statuses: Any) -> None:
        """Counts."""
        del statuses
        self.ticks += 1
