"""The local runner: TFX's portable launcher, one forked process a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from pipeline.child import Child, Outcome
from pipeline.steps import State, StepStatus, Watcher
from schema.errors import PenstockError

TICK_SECONDS = 0.2


def run_steps(
    names: Sequence[str], work: Callable[[str], Outcome], logs: Path, watcher: Watcher
) -> tuple[list[StepStatus], PenstockError | None]:
    """Runs the steps in their order until one fails.

    Args:
      names: the steps, each after those that it needs.
      work: runs a step; called in a process of its own.
      logs: the folder in which each step's output becomes a file.
      watcher: is told of every change.

    Returns:
      How each step stands, and the error of the one that failed.

    Raises:
      KeyboardInterrupt: Ctrl-C or a termination signal; the running step has been ended.
    """
    statuses = [StepStatus(name) for name in names]
    for status in statuses:
        error = _run_step(status, work, logs, watcher, statuses)
        if error:
            return statuses, error
    return statuses, None


def _run_step(
    status: StepStatus, work: Callable[[str], Outcome], logs: Path, watcher: Watcher, statuses: Sequence[StepStatus]
) -> PenstockError | None:
    started = time.monotonic()
    status.state = State.RUNNING
    watcher.changed(status, statuses)
    child = Child(lambda: work(status.name), logs / f"{status.name}.log")
    try:
        outcome = _follow(child, status, watcher, statuses, started)
    except KeyboardInterrupt:
        status.state = State.INTERRUPTED
        watcher.changed(status, statuses)
        raise
    finally:
        child.kill()
    _note_end(status, outcome)
    watcher.changed(status, statuses)
    return outcome.error


def _follow(
    child: Child, status: StepStatus, watcher: Watcher, statuses: Sequence[StepStatus], started: float
) -> Outcome:
    while True:
        ready = wait([child.messages], TICK_SECONDS)
        status.seconds = time.monotonic() - started
        if not ready:
            watcher.tick(statuses)
            continue
        message = child.read()
        if isinstance(message, Outcome):
            child.join()
            return message
        status.note = message.text
        watcher.changed(status, statuses)


def _note_end(status: StepStatus, outcome: Outcome) -> None:
    if outcome.error:
        status.state = State.FAILED
        status.note = str(outcome.error).splitlines()[0]
    else:
        status.state = State.CACHED if outcome.cached else State.DONE
        status.note = outcome.note
