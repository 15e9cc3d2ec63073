"""A request on its way through a queue, and the parts that a large one is cut into."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from grpc import StatusCode

from serving.server.servable import Array
from serving.server.status import StatusError, deadline_exceeded, failed_precondition

Outcome = list[Array] | StatusError
IN_QUEUE = "Run() timeout exceeded while waiting in batching queue"
IN_MODEL = "Timed out waiting for notification"  # as tensorflow/core/common_runtime/direct_session.cc says it


class Task:
    """Tensors of one request, and a place for its answer that one thread waits at.

    Attributes:
      values: all with `size` as their first dimension.
      deadline: in the seconds of time.monotonic().
      enqueued: when it was made, likewise.
    """

    __slots__ = ("_done", "_outcome", "_started", "deadline", "enqueued", "size", "values")

    def __init__(self, values: Sequence[Array], size: int, deadline: float | None) -> None:
        self.values = values
        self.size = size
        self.deadline = deadline
        self.enqueued = time.monotonic()
        self._started = False
        self._outcome: Outcome = []
        self._done = threading.Lock()  # the cheapest thing to wait at: taken now, released once when there is an answer
        self._done.acquire()

    def begin(self, now: float) -> bool:
        """Returns whether it is to be run; one whose time was over in the queue ends here."""
        if self.deadline is not None and self.deadline <= now:
            self.finish(_overdue())
            return False
        self.mark_started()
        return True

    def mark_started(self) -> None:
        """Notes that its time in the queue is over."""
        self._started = True

    def finish(self, outcome: Outcome) -> None:
        """Gives it its answer, once, and wakes the thread that waits for it."""
        self._outcome = outcome
        self._done.release()

    def result(self) -> list[Array]:
        """Waits for its answer, until its deadline.

        Raises:
          StatusError: what it failed by; RESOURCE_EXHAUSTED or DEADLINE_EXCEEDED when its time was over before or
            after it had left the queue.
        """
        if not self._done.acquire(timeout=self._left()):
            raise deadline_exceeded(IN_MODEL) if self._started else _overdue()
        if isinstance(self._outcome, StatusError):
            raise self._outcome
        return self._outcome

    def split(self, sizes: Sequence[int]) -> list[Task]:
        """Returns it as tasks of these sizes, which are its own in sum; their answers become its answer."""
        parts = _Parts(self, len(sizes))
        ends = list(accumulate(sizes))
        return [
            Part(parts, index, [value[end - size : end] for value in self.values], size)
            for index, (size, end) in enumerate(zip(sizes, ends, strict=True))
        ]

    def _left(self) -> float:
        if self.deadline is None:
            return -1
        return min(max(self.deadline - time.monotonic(), 0), threading.TIMEOUT_MAX)


def _overdue() -> StatusError:
    return StatusError(StatusCode.RESOURCE_EXHAUSTED, IN_QUEUE)


class Part(Task):
    """Some rows of a task."""

    __slots__ = ("_index", "_parts")

    def __init__(self, parts: _Parts, index: int, values: Sequence[Array], size: int) -> None:
        super().__init__(values, size, parts.whole.deadline)
        self._parts = parts
        self._index = index

    def mark_started(self) -> None:
        """Notes that the whole's time in the queue is over."""
        self._parts.whole.mark_started()

    def finish(self, outcome: Outcome) -> None:
        """Gives the whole its answer when no other part is missing."""
        self._parts.add(self._index, outcome)


class _Parts:
    """The answers of a task's parts, put together."""

    def __init__(self, whole: Task, count: int) -> None:
        self.whole = whole
        self._lock = threading.Lock()
        self._outcomes: list[Outcome] = [[] for _ in range(count)]
        self._missing = count

    def add(self, index: int, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes[index] = outcome
            self._missing -= 1
            last = not self._missing
        if last:
            self.whole.finish(self._joined())

    def _joined(self) -> Outcome:
        answers = []
        for outcome in self._outcomes:
            if isinstance(outcome, StatusError):
                return outcome
            answers.append(outcome)
        try:
            return [np.concatenate(arrays) for arrays in zip(*answers, strict=True)]
        except ValueError as error:  # the model answers a part with other inner shapes than the next
            return failed_precondition(f"The answers for parts of a request do not go together: {error}")
