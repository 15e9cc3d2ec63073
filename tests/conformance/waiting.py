"""Waiting for what a server does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 30  # seconds in which a running server notices what changed on disk
POLLS = 3  # seconds: some polls of the file system


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Waits until something holds, and fails if it does not in half a minute."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"in {PATIENCE} s it did not come to this: {what}"
        time.sleep(0.05)


def throughout(holds: Callable[[], bool], what: str) -> None:
    """Fails if something does not hold throughout some polls of the file system."""
    end = time.monotonic() + POLLS
    while time.monotonic() < end:
        assert holds(), f"it did not stay so: {what}"
        time.sleep(0.1)
