"""Ctrl-C and SIGTERM, noted rather than raised.

A KeyboardInterrupt can be raised anywhere, and is lost where Python calls back, such as in the hooks of a fork. What
runs processes asks here instead, a few times a second.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


class StopRequest:
    """While it is entered, SIGINT and SIGTERM only set `requested`."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *details: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.requested = True
