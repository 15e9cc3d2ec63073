"""Tasks of one kind that wait, in batches: Queue of tensorflow/core/kernels/batching_util/shared_batch_scheduler.h."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

from serving.server.batching.parameters import Parameters
from serving.server.batching.task import Task
from serving.server.status import invalid_argument, unavailable

MICRO = 1e-6
FULL = "The batch scheduling queue to which this task was submitted is full; "


class _Batch:
    __slots__ = ("opened", "size", "tasks")

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.size = 0
        self.opened = 0.0

    def add(self, task: Task, now: float) -> None:
        if not self.tasks:
            self.opened = now
        self.tasks.append(task)
        self.size += task.size


class BatchQueue:
    """Batches that wait, the last one open for more tasks. Not safe for threads: the scheduler's lock is around it.

    Attributes:
      process: runs a batch and finishes each of its tasks; it does not raise.
      running: batches that run.
      closed: no task comes any more, so that the open batch waits for none.
    """

    def __init__(self, parameters: Parameters, process: Callable[[Sequence[Task]], None]) -> None:
        self.process = process
        self.running = 0
        self.closed = False
        self._parameters = parameters
        self._limit = parameters.batch_limit
        self._timeout = parameters.batch_timeout_micros * MICRO
        self._batches = deque([_Batch()])

    def __bool__(self) -> bool:
        return bool(self._batches[0].tasks)

    def depth(self) -> int:
        """How many tasks wait."""
        return sum(len(batch.tasks) for batch in self._batches)

    def passes(self, task: Task) -> bool:
        """Whether a task that comes now would be a batch by itself at once."""
        return not self._timeout and not self._batches[0].tasks and task.size <= self._limit and not self.closed

    def add(self, task: Task, now: float) -> None:
        """Puts a task, or the parts of one that is to be split, at the end.

        Raises:
          StatusError: INVALID_ARGUMENT for a task that is too large, UNAVAILABLE when it finds no room.
        """
        self._admit(task.size)
        for part in self._parts(task):
            if self._batches[-1].size + part.size > self._limit:
                self._batches.append(_Batch())
            self._batches[-1].add(part, now)

    def due(self) -> float:
        """When its first batch may run, in the seconds of time.monotonic(): inf for never, -inf for at once."""
        first = self._batches[0]
        if not first.tasks:
            return math.inf
        if len(self._batches) > 1 or first.size >= self._limit or self.closed:
            return -math.inf
        return first.opened + self._timeout

    def take(self) -> list[Task]:
        """Removes the first batch and returns its tasks."""
        first = self._batches.popleft()
        if not self._batches:
            self._batches.append(_Batch())
        return first.tasks

    def _admit(self, size: int) -> None:
        limit = self._parameters.max_batch_size
        if size > limit:
            raise invalid_argument(f"Task size {size} is larger than maximum input batch size {limit}")
        if self._parameters.enable_large_batch_splitting:
            self._admit_parts(size)
        elif self._batches[-1].size + size > limit and len(self._batches) >= self._parameters.max_enqueued_batches:
            raise unavailable(
                f"{FULL}currently {len(self._batches)} batches enqueued and "
                f"max_enqueued_batches is {self._parameters.max_enqueued_batches}"
            )

    def _admit_parts(self, size: int) -> None:
        most = self._parameters.max_enqueued_batches
        opened = self._batches[-1].size
        capacity = (most - len(self._batches)) * self._limit + self._limit - opened
        if size > capacity:
            raise unavailable(
                f"{FULL}task size is {size} but scheduling capacity is only {capacity} "
                f"(num_enqueued_batches={len(self._batches)}, max_enqueued_batches={most}, "
                f"open_batch_size={opened}, max_execution_batch_size={self._limit})"
            )

    def _parts(self, task: Task) -> Sequence[Task]:
        free = self._limit - self._batches[-1].size
        if task.size <= free or not self._parameters.enable_large_batch_splitting:
            return [task]
        sizes = [free] if free else []
        whole, rest = divmod(task.size - free, self._limit)
        return task.split(sizes + [self._limit] * whole + ([rest] if rest else []))
