"""What stands in for TensorFlow and for time in tests of a model's life."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from serving.server.servable import Array, Servable
from serving.server.status import failed_precondition

TICK = 0.001
PATIENCE = 30.0


class FakeSession:
    """Gives back what it is fed, until it is closed."""

    def __init__(self) -> None:
        self.closed = False

    def run(
        self,
        feeds: tuple[str, ...],  # noqa: ARG002  as Session has it
        values: Sequence[Array],
        fetches: tuple[str, ...],  # noqa: ARG002
        deadline: float | None,  # noqa: ARG002
    ) -> list[Array]:
        """Returns the values, or raises StatusError after close()."""
        if self.closed:
            raise failed_precondition("the session is closed")
        return list(values)

    def close(self) -> None:
        """From now on run() fails."""
        self.closed = True


class FakeLoad:
    """Loads empty servables; can be told to fail, or to take its time.

    Attributes:
      calls: name and number of each version that was to be loaded, in order.
      loaded: the servables that were.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.loaded: list[Servable] = []
        self._failures: dict[tuple[str, int], list[Exception]] = defaultdict(list)
        self._held: dict[tuple[str, int], threading.Event] = {}

    def fail(self, name: str, number: int, error: Exception, times: int = 1) -> None:
        """Makes the next loads of a version fail."""
        self._failures[name, number] += [error] * times

    def hold(self, name: str, number: int) -> threading.Event:
        """Makes loads of a version wait for the event that this returns."""
        return self._held.setdefault((name, number), threading.Event())

    def __call__(self, name: str, number: int, path: Path) -> Servable:
        """Returns an empty servable; see serving.server.lifecycle.loading.Load."""
        self.calls.append((name, number))
        if held := self._held.get((name, number)):
            held.wait(PATIENCE)
        if failures := self._failures[name, number]:
            raise failures.pop(0)
        servable = Servable(name, number, path, {}, {}, FakeSession())
        self.loaded.append(servable)
        return servable


class FakeTime:
    """Time that passes only when it is told to; see serving.server.lifecycle.loading.Wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._now = 0.0
        self._waits: list[float] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Returns once the event is set or `seconds` have passed; tells whether the event is set."""
        with self._changed:
            due = self._now + seconds
            self._waits.append(due)
            self._changed.notify_all()
            while not event.is_set() and self._now < due:
                self._changed.wait(TICK)  # an event that is set notifies nobody here
            self._waits.remove(due)
            self._changed.notify_all()
            return event.is_set()

    def advance(self, seconds: float) -> None:
        """Lets time pass once somebody waits for no longer than that, and returns when they have noticed.

        Raises:
          StatusError: nobody does.
        """
        with self._changed:
            then = self._now + seconds
            if not self._changed.wait_for(lambda: any(due <= then for due in self._waits), PATIENCE):
                raise failed_precondition(f"nobody waits {seconds} s; they wait until {self._waits}")
            self._now = then
            self._changed.notify_all()
            self._changed.wait_for(lambda: all(due > then for due in self._waits), PATIENCE)
