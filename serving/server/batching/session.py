"""A session whose calls are run together, as tensorflow_serving/batching/batching_session.cc does it.

In one thing it is better: where a batch fails, its halves are run, and theirs, until what fails is one request. So a
bad request costs others some time, and never their answers. Tensors that cannot be put together are not an error here:
they are run apart.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from grpc import StatusCode

from serving.server.batching import merging
from serving.server.batching.parameters import Parameters
from serving.server.batching.queue import BatchQueue
from serving.server.batching.scheduler import SharedBatchScheduler
from serving.server.batching.task import Task
from serving.server.servable import Array, Session
from serving.server.status import StatusError

log = logging.getLogger(__name__)

Call = tuple[tuple[str, ...], tuple[str, ...]]  # feeds and fetches
Groups = dict[object, list[Task]]


class Observer(Protocol):
    """Is told how batching goes, for metrics."""

    def queued(self, seconds: float) -> None:
        """A request has waited this long."""

    def processed(self, batch_size: int, padding: int) -> None:
        """A batch of this many rows, `padding` of them filled up, goes to the model."""

    def depth(self, count: Callable[[], int]) -> None:
        """`count` returns at any time how many tasks wait for this session; told once, when the session is made."""


class Unobserved:
    """An observer that does nothing."""

    def queued(self, seconds: float) -> None:
        """See Observer."""

    def processed(self, batch_size: int, padding: int) -> None:
        """See Observer."""

    def depth(self, count: Callable[[], int]) -> None:
        """See Observer."""


class BatchingSession:
    """A Session that runs calls of the same feeds and fetches in batches. Safe for threads.

    Args:
      session: what runs a batch; closed with this one.
      scheduler: shared by all sessions of a server.
      parameters: the scheduler's number of threads is its own.
    """

    def __init__(
        self,
        session: Session,
        scheduler: SharedBatchScheduler,
        parameters: Parameters,
        observer: Observer | None = None,
    ) -> None:
        self._session = session
        self._scheduler = scheduler
        self._parameters = parameters
        self._observer = observer or Unobserved()
        self._queues: dict[Call, BatchQueue] = {}
        self._observer.depth(self.depth)

    def run(
        self, feeds: tuple[str, ...], values: Sequence[Array], fetches: tuple[str, ...], deadline: float | None
    ) -> list[Array]:
        """Returns the tensors named `fetches`, each with as many rows as each of `values`.

        Raises:
          StatusError: as the wrapped session; INVALID_ARGUMENT where the values do not have one number of rows, or too
            many; UNAVAILABLE where too much waits already; RESOURCE_EXHAUSTED where the deadline was over before the
            model's turn, DEADLINE_EXCEEDED after; CANCELLED after close().
        """
        queue = self._queues.get((feeds, fetches))
        if queue is None:
            ordered = tuple(sorted(feeds)), tuple(sorted(fetches))
            if ordered != (feeds, fetches):
                return self._run_ordered(ordered, dict(zip(feeds, values, strict=True)), fetches, deadline)
            queue = self._queues.setdefault(ordered, BatchQueue(self._parameters, partial(self._process, ordered)))
        task = Task(values, merging.batch_size(values), deadline)
        self._scheduler.submit(queue, task)
        return task.result()

    def depth(self) -> int:
        """How many tasks wait."""
        return sum(map(self._scheduler.depth, list(self._queues.values())))

    def close(self) -> None:
        """Waits for the calls that have begun, and closes the wrapped session."""
        for queue in list(self._queues.values()):
            self._scheduler.drain(queue)
        self._session.close()

    def _run_ordered(
        self, ordered: Call, values: dict[str, Array], fetches: tuple[str, ...], deadline: float | None
    ) -> list[Array]:
        """One queue for a set of tensors, in whatever order a request names them: there are too many orders."""
        outputs = self.run(ordered[0], [values[name] for name in ordered[0]], ordered[1], deadline)
        named = dict(zip(ordered[1], outputs, strict=True))
        return [named[name] for name in fetches]

    def _process(self, call: Call, tasks: Sequence[Task]) -> None:
        now = time.monotonic()
        for task in tasks:
            self._observer.queued(now - task.enqueued)
        if live := [task for task in tasks if task.begin(now)]:
            self._answer(call, live)

    def _answer(self, call: Call, tasks: Sequence[Task]) -> None:
        try:
            answers = self._run(call, tasks)
        except merging.Mismatch:
            for group in self._groups(tasks).values():
                self._answer(call, group)
        except StatusError as error:
            self._answer_failed(call, tasks, error)
        except Exception as error:  # a thread of the pool outlives whatever a session raises
            log.exception("a batch of %d requests failed", len(tasks))
            self._answer_failed(call, tasks, StatusError(StatusCode.INTERNAL, f"{type(error).__name__}: {error}"))
        else:
            for task, answer in zip(tasks, answers, strict=True):
                task.finish(answer)

    def _answer_failed(self, call: Call, tasks: Sequence[Task], error: StatusError) -> None:
        if len(tasks) == 1 or error.code is StatusCode.DEADLINE_EXCEEDED:  # a batch's deadline is its tasks' latest
            for task in tasks:
                task.finish(StatusError(error.code, error.message))
            return
        half = len(tasks) // 2
        self._answer(call, tasks[:half])
        self._answer(call, tasks[half:])

    def _run(self, call: Call, tasks: Sequence[Task]) -> list[list[Array]]:
        sizes = [task.size for task in tasks]
        rows = sum(sizes)
        filling = merging.allowed_size(rows, self._parameters.allowed_batch_sizes) - rows if rows else 0
        values: Sequence[Array] = tasks[0].values
        if filling or len(tasks) > 1:
            pad = self._parameters.pad_variable_length_inputs
            values = merging.merged([task.values for task in tasks], filling, pad=pad)
        self._observer.processed(rows + filling, filling)
        outputs = self._session.run(call[0], values, call[1], _latest_deadline(tasks))
        return merging.split(outputs, sizes, filling)

    def _groups(self, tasks: Sequence[Task]) -> Groups:
        groups: Groups = {}
        for task in tasks:
            kind = merging.kind(task.values, pad=self._parameters.pad_variable_length_inputs)
            groups.setdefault(kind, []).append(task)
        return groups


def _latest_deadline(tasks: Sequence[Task]) -> float | None:
    deadlines = [task.deadline for task in tasks if task.deadline is not None]
    return max(deadlines) if len(deadlines) == len(tasks) else None
