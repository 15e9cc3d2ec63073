"""One version of a model in memory: its state, and the requests that hold it."""

from __future__ import annotations

import threading
from pathlib import Path

from serving.server.lifecycle.states import State
from serving.server.servable import Servable
from serving.server.status import StatusError


class Version:
    """A version of a model. START, LOADING, then AVAILABLE, UNLOADING and END, or END with an error.

    Its state is written under the reconciler's lock only.

    Requests are counted in a list and not in a number: append and pop are atomic without a lock, += is not.
    `leave` notices an unload that waits, because a request counts itself before it looks at `closing`, and the unload
    sets `closing` before it looks at the count.
    """

    __slots__ = (
        "_drained",
        "_requests",
        "cancelled",
        "closing",
        "error",
        "name",
        "number",
        "path",
        "servable",
        "state",
    )

    def __init__(self, name: str, number: int, path: Path) -> None:
        self.name = name
        self.number = number
        self.path = path
        self.state = State.START
        self.error: StatusError | None = None
        self.servable: Servable | None = None
        self.cancelled = threading.Event()
        self.closing = False
        self._requests: list[None] = []
        self._drained = threading.Event()

    def __str__(self) -> str:
        """As TensorFlow Serving's logs and messages write it."""
        return f"{{name: {self.name} version: {self.number}}}"

    def enter(self) -> bool:
        """Counts a request in, and tells whether the version may be used: not once it is being unloaded."""
        self._requests.append(None)
        if self.closing:
            self.leave()
            return False
        return True

    def leave(self) -> None:
        """Counts a request out."""
        self._requests.pop()
        if self.closing and not self._requests:
            self._drained.set()

    def drain(self) -> None:
        """Lets no further request in and returns when the last one has left."""
        self.closing = True
        while True:
            self._drained.clear()
            if not self._requests:
                return
            self._drained.wait()
