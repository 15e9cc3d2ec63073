"""Sessions for tests of what stands on them; no TensorFlow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from serving.server.servable import Array

Function = Callable[[Sequence[Array]], list[Array]]


class FunctionSession:
    """A session whose graph is a Python function of the fed arrays, in the order of their names.

    Attributes:
      calls: the arrays of each call.
      deadlines: the deadline of each call.
      most: how many calls have run at once.
      cut_off: how many calls ran when it was closed; None before.
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._running = 0
        self.calls: list[list[Array]] = []
        self.deadlines: list[float | None] = []
        self.most = 0
        self.cut_off: int | None = None

    def run(
        self, feeds: tuple[str, ...], values: Sequence[Array], fetches: tuple[str, ...], deadline: float | None
    ) -> list[Array]:
        """Returns the function's arrays; as many as there are fetches."""
        named = dict(zip(feeds, values, strict=True))
        with self._lock:
            self.calls.append(list(values))
            self.deadlines.append(deadline)
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            outputs = self._function([named[name] for name in sorted(feeds)])
            return outputs[: len(fetches)]
        finally:
            with self._lock:
                self._running -= 1

    def close(self) -> None:
        """Notes what it interrupts."""
        with self._lock:
            self.cut_off = self._running


class Gate:
    """A function that holds a call until it is opened, so that others have to wait meanwhile."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self, values: Sequence[Array]) -> list[Array]:
        """Returns the function's answer, once the gate is open."""
        self.entered.release()
        self.opened.wait()
        return self._function(values)
