"""Follows a run until it ends, as a local run is followed: its steps, and their states."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.steps import State, Watcher
from pipeline.submission.orders import Standing
from schema.errors import Interrupted, PenstockError

POLL_SECONDS = 5.0
MOST_MISSED = 3  # answers in a row that may be missing; each was asked for several times


@dataclass(frozen=True)
class Patience:
    """How long a run is followed, None for ever, and how often it is looked at; seconds."""

    timeout: float | None = None
    poll: float = POLL_SECONDS


def follow(look: Callable[[], Standing], watcher: Watcher, patience: Patience, page: str) -> Standing:
    """Returns how the run stands once it has ended; tells the watcher of every step that changes.

    Raises:
      Interrupted: Ctrl-C; the run goes on.
      PenstockError: it takes longer than `patience.timeout`; the run goes on. Or the server is gone.
    """
    end = time.monotonic() + patience.timeout if patience.timeout else float("inf")
    seen: dict[str, State] = {}
    try:
        while True:
            standing = _steadily(look, page, patience.poll)
            _tell(standing, seen, watcher)
            if standing.is_finished:
                return standing
            if time.monotonic() >= end:
                raise PenstockError(f"The run is {standing.state.lower()} after --timeout, and goes on: {page}")
            time.sleep(max(0.0, min(patience.poll, end - time.monotonic())))
    except KeyboardInterrupt as error:
        raise Interrupted(f"No longer followed. The run goes on: {page}") from error


def _steadily(look: Callable[[], Standing], page: str, pause: float) -> Standing:
    """Looks again where the server is away for a moment: a run of hours outlives that."""
    for missed in range(MOST_MISSED):
        try:
            return look()
        except PenstockError as error:
            if missed == MOST_MISSED - 1:
                raise PenstockError(f"{error} The run may go on: {page}") from error
            time.sleep(pause)
    raise AssertionError


def _tell(standing: Standing, seen: dict[str, State], watcher: Watcher) -> None:
    for status in standing.statuses:
        if seen.get(status.name, State.WAITING) is not status.state:
            watcher.changed(status, standing.statuses)
        seen[status.name] = status.state
    watcher.tick(standing.statuses)
