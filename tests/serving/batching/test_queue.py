from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from serving.server.batching.parameters import Parameters
from serving.server.batching.queue import BatchQueue
from serving.server.batching.task import Task
from serving.server.status import StatusError


def _queue(**parameters: Any) -> BatchQueue:
    return BatchQueue(Parameters(**parameters), lambda _: None)


def _task(first: int, size: int) -> Task:
    return Task([np.arange(first, first + size)], size, None)


def _code(queue: BatchQueue, task: Task) -> StatusCode:
    """What a task that is put into a queue is told."""
    try:
        queue.add(task, 0.0)
    except StatusError as error:
        return error.code
    return StatusCode.OK


@given(
    sizes=st.lists(st.integers(0, 12), max_size=30),
    limit=st.integers(1, 8),
    most=st.integers(1, 4),
    splitting=st.booleans(),
)
def test_rows_leave_a_queue_once_and_in_their_order(
    sizes: list[int], limit: int, most: int, *, splitting: bool
) -> None:
    """Whatever comes, no batch is too large and no queue too long; what is refused has left no trace."""
    parameters = {"max_execution_batch_size": limit, "enable_large_batch_splitting": splitting}
    queue = _queue(max_batch_size=3 * limit if splitting else limit, max_enqueued_batches=most, **parameters)
    tasks = [_task(100 * place, size) for place, size in enumerate(sizes)]
    codes = [_code(queue, task) for task in tasks]
    assert all(
        (code is StatusCode.INVALID_ARGUMENT) == (task.size > (3 * limit if splitting else limit))
        for task, code in zip(tasks, codes, strict=True)
    )
    accepted = [
        row for task, code in zip(tasks, codes, strict=True) if code is StatusCode.OK for row in task.values[0].tolist()
    ]
    batches = []
    while queue:
        batches.append(queue.take())
    assert [row for batch in batches for task in batch for row in task.values[0].tolist()] == accepted
    assert all(sum(task.size for task in batch) <= limit for batch in batches)
    assert len(batches) <= most
    assert queue.depth() == 0


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_parts_give_the_whole_its_answer(sizes: list[int]) -> None:
    """However a task is cut and in whatever order its parts end, its answer is its rows' in their order."""
    whole = _task(0, sum(sizes))
    parts = whole.split(sizes)
    for part in reversed(parts):
        part.finish([part.values[0] * 2])
    assert [array.tolist() for array in whole.result()] == [(whole.values[0] * 2).tolist()]


def test_a_part_that_fails_fails_the_whole() -> None:
    """One part's error is the task's, when all of its parts have ended."""
    whole = _task(0, 4)
    first, second = whole.split([2, 2])
    second.finish(StatusError(StatusCode.INTERNAL, "no"))
    first.finish([first.values[0]])
    with pytest.raises(StatusError, match="no"):
        whole.result()


def test_parts_that_do_not_go_together_fail_the_whole() -> None:
    """A model that answers a part with another inner shape has no answer for the whole."""
    whole = _task(0, 2)
    first, second = whole.split([1, 1])
    first.finish([np.zeros((1, 2))])
    second.finish([np.zeros((1, 3))])
    with pytest.raises(StatusError) as failed:
        whole.result()
    assert failed.value.code is StatusCode.FAILED_PRECONDITION


def test_a_batch_is_due_when_it_is_full_or_old() -> None:
    """An open batch is due its time-out after its first task; a full one, or one of a closed queue, at once."""
    queue = _queue(max_batch_size=4, batch_timeout_micros=2_000_000)
    assert queue.due() == math.inf
    queue.add(_task(0, 1), 10.0)
    queue.add(_task(1, 1), 11.0)
    assert queue.due() == 12.0
    queue.add(_task(2, 2), 11.5)
    assert queue.due() == -math.inf
    queue.take()
    queue.add(_task(3, 1), 13.0)
    assert queue.due() == 15.0
    queue.closed = True
    assert queue.due() == -math.inf


def test_a_batch_that_is_followed_is_due() -> None:
    """A task that does not fit closes the batch before it."""
    queue = _queue(max_batch_size=4, batch_timeout_micros=2_000_000)
    queue.add(_task(0, 3), 10.0)
    queue.add(_task(1, 2), 11.0)
    assert queue.due() == -math.inf
    assert [task.size for task in queue.take()] == [3]
    assert queue.due() == 13.0


def test_a_task_is_cut_where_the_open_batch_ends() -> None:
    """Parts fill the open batch, if it has room, and then batches of their own."""
    queue = _queue(max_batch_size=10, enable_large_batch_splitting=True, max_execution_batch_size=4)
    queue.add(_task(0, 3), 0.0)
    queue.add(_task(1, 5), 0.0)
    queue.add(_task(2, 8), 0.0)
    batches = []
    while queue:
        batches.append([task.size for task in queue.take()])
    assert batches == [[3, 1], [4], [4], [4]]
