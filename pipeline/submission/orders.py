"""What is to be submitted, what came of it, and how the run stands: the same for every target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pipeline.steps import State, StepStatus
from pipeline.submission.compiled import CompiledPipeline

LONGEST_ERROR = 600


@dataclass(frozen=True)
class Schedule:
    """When a recurring run runs: at the times of a cron expression of five fields, or every so many seconds."""

    cron: str | None = None
    every: int | None = None
    max_concurrency: int = 1
    catches_up: bool = True


@dataclass(frozen=True)
class Order:
    """A run, or with a schedule a recurring run, of a compiled pipeline."""

    pipeline: CompiledPipeline
    run_name: str
    parameters: dict[str, Any]
    root: str | None = None
    schedule: Schedule | None = None
    no_cache: bool = False

    @property
    def sent(self) -> CompiledPipeline:
        """The pipeline as it is to run."""
        return self.pipeline.without_cache() if self.no_cache else self.pipeline


@dataclass(frozen=True)
class Receipt:
    """What the target made of an order: the id of the run or of the recurring run, and its page."""

    id: str
    page: str
    version: str | None = None
    is_new_version: bool = False


@dataclass(frozen=True)
class Standing:
    """How a run stands. `failure` is empty until it has ended, and where it ended well."""

    is_finished: bool
    state: str
    statuses: Sequence[StepStatus]
    failure: str = ""


class Target(Protocol):
    """What runs pipelines."""

    def send(self, order: Order) -> Receipt:
        """Has the order run.

        Raises:
          PenstockError: it does not answer, or refuses.
        """

    def standing(self, receipt: Receipt) -> Standing:
        """Returns how the run stands now.

        Raises:
          PenstockError: it does not answer.
        """


def seconds_between(began: datetime | None, ended: datetime | None) -> float:
    """Returns how long a step took, or has taken so far; 0 where it did not begin.

    Moments before 1970 are what an unset time looks like in protobuf and in Go.
    """
    if began is None or began.year < 1970:  # noqa: PLR2004
        return 0.0
    end = ended if ended is not None and ended >= began else datetime.now(UTC)
    return max(0.0, (end - began).total_seconds())


def one_line(text: str | None) -> str:
    """Returns a message of a server as one line, cut where it is longer than a person reads."""
    line = " ".join((text or "").split())
    return line if len(line) <= LONGEST_ERROR else f"{line[:LONGEST_ERROR]}…"


def failure_of(statuses: Sequence[StepStatus], run_error: str, state: str) -> str:
    """Returns what a run that did not end well failed of: the first step that failed, and its error."""
    failed = next((status for status in statuses if status.state is State.FAILED), None)
    if failed is None:
        return one_line(run_error) or f"The run is {state.lower()}."
    return f"{failed.name} failed: {failed.note or one_line(run_error) or 'the server gives no reason.'}"
