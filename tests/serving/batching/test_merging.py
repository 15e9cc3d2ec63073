from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from serving.server.batching import merging
from serving.server.status import StatusError

UNEQUAL = "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input tensors"


def _column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@given(sizes=st.lists(st.integers(1, 50), min_size=1, unique=True), size=st.integers(1, 60))
def test_a_batch_is_filled_up_to_the_next_allowed_size(sizes: list[int], size: int) -> None:
    """The size is the smallest allowed one that the batch fits in; without one the batch's own."""
    allowed = sorted(sizes)
    expected = min((one for one in allowed if one >= size), default=size)
    assert merging.allowed_size(size, allowed) == expected
    assert merging.allowed_size(size, ()) == size


def test_what_a_batch_is_filled_with_is_the_last_tasks_first_row() -> None:
    """A row that a client has sent is one that the model can read."""
    [batch] = merging.merged([[_column(1, 2)], [_column(3, 4)]], 2, pad=False)
    assert batch.tolist() == [1, 2, 3, 4, 3, 3]


def test_a_task_without_rows_fills_nothing() -> None:
    """Where the last task has no row, another's first one is taken."""
    [batch] = merging.merged([[_column(1, 2)], [_column()]], 1, pad=False)
    assert batch.tolist() == [1, 2, 1]


@given(lengths=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=5))
def test_texts_of_unequal_lengths_are_padded_with_their_first(lengths: list[tuple[int, int, int]]) -> None:
    """A task's tensor is in the corner of its rows, and around it is its own first value."""
    tensors = [np.full(shape, f"{place}".encode(), object) for place, shape in enumerate(lengths)]
    for tensor in tensors:
        tensor.flat[0] = b"first" + tensor.flat[-1]
    [batch] = merging.merged([[tensor] for tensor in tensors], 0, pad=True)
    start = 0
    for tensor in tensors:
        rows = batch[start : start + len(tensor)]
        corner = tuple(slice(size) for size in tensor.shape)
        assert (rows[corner] == tensor).all()
        around = np.ones(rows.shape, bool)
        around[corner] = False
        assert (rows[around] == tensor.flat[0]).all()
        start += len(tensor)
    assert batch.shape == (start, *(max(shape[axis] for shape in lengths) for axis in (1, 2)))


@pytest.mark.parametrize(
    ("other", "pad"),
    [
        (np.zeros((1, 3), np.float32), False),
        (np.zeros(1, np.float32), False),
        (np.zeros((1, 2), np.float64), False),
        (np.zeros((1, 2), object), False),
        (np.zeros((1, 2, 1), np.float32), True),
        (np.zeros((1, 0), np.float32), True),
        (np.zeros((1, 2), np.int32), True),
    ],
)
def test_tensors_that_do_not_go_together_are_told_apart(other: np.ndarray, pad: bool) -> None:  # noqa: FBT001  # a case
    """Types are never converted nor ranks made up; such tasks are of two kinds."""
    tensor = np.zeros((1, 2), np.float32)
    with pytest.raises(merging.Mismatch):
        merging.merged([[tensor], [other]], 0, pad=pad)
    assert merging.kind([tensor], pad=pad) != merging.kind([other], pad=pad)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "Batching Run() must have at least one input tensor"),
        ([np.float32(1)], "Batching Run() input tensors must have at least one dimension"),
        ([_column(1), _column(1, 2)], "Batching Run() input tensors must have equal 0th-dimension size"),
    ],
)
def test_inputs_without_one_number_of_rows_are_refused(values: list[np.ndarray], message: str) -> None:
    """Such a request is wrong, in TensorFlow Serving's words."""
    with pytest.raises(StatusError) as refused:
        merging.batch_size(values)
    assert (refused.value.code, refused.value.message) == (StatusCode.INVALID_ARGUMENT, message)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (np.array(1.0), "Batched output tensor has 0 dimensions"),
        (b"a text", "Batched output tensor has 0 dimensions"),
        (_column(1, 2), UNEQUAL),
    ],
)
def test_outputs_without_a_row_for_each_input_are_refused(output: Any, message: str) -> None:
    """A model that does not answer by rows cannot be batched, in TensorFlow Serving's words."""
    with pytest.raises(StatusError) as refused:
        merging.split([output], [1, 2], 0)
    assert (refused.value.code, refused.value.message) == (StatusCode.FAILED_PRECONDITION, message)
