"""Tensors of several tasks as those of one batch, and a batch's outputs as those of its tasks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence

import numpy as np

from serving.server.servable import Array
from serving.server.status import failed_precondition, invalid_argument

Tensors = Sequence[Array]


class Mismatch(Exception):
    """The tasks' tensors cannot be put together; each may well be right by itself."""


def batch_size(values: Tensors) -> int:
    """Returns the first dimension that all inputs of a request have.

    Raises:
      StatusError: they have not; the words are those of tensorflow_serving/batching/batching_util.h.
    """
    if not values:
        raise invalid_argument("Batching Run() must have at least one input tensor")
    if any(not value.ndim for value in values):
        raise invalid_argument("Batching Run() input tensors must have at least one dimension")
    size = len(values[0])
    if any(len(value) != size for value in values):
        raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return size


def allowed_size(size: int, allowed: Sequence[int]) -> int:
    """Returns the smallest allowed number of rows for a batch of `size`; that itself where none is large enough."""
    place = bisect_left(allowed, size)
    return allowed[place] if place < len(allowed) else size


def merged(tasks: Sequence[Tensors], filling: int, *, pad: bool) -> list[Array]:
    """Returns the tasks' tensors, one below the other, and `filling` rows more.

    Those are the last task's first row again, or another's where it has no row. With `pad`, tensors of unequal inner
    shapes are filled up with each one's first value, behind.

    Raises:
      Mismatch: types or inner shapes are not equal.
    """
    return [_merged(list(tensors), filling, pad=pad) for tensors in zip(*tasks, strict=True)]


def kind(values: Tensors, *, pad: bool) -> Hashable:
    """Returns what is equal for tasks that go together."""
    if pad:
        return tuple((value.dtype, value.ndim, 0 in value.shape[1:]) for value in values)
    return tuple((value.dtype, value.shape[1:]) for value in values)


def split(outputs: Sequence[Array], sizes: Sequence[int], filling: int) -> list[list[Array]]:
    """Returns each task's rows of the outputs.

    Raises:
      StatusError: FAILED_PRECONDITION, an output has not as many rows as the batch.
    """
    rows = sum(sizes) + filling
    for output in outputs:
        if not np.ndim(output):  # TensorFlow gives a text without dimensions as bytes
            raise failed_precondition("Batched output tensor has 0 dimensions")
        if len(output) != rows:
            raise failed_precondition(
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes "
                "of the input tensors"
            )
    if len(sizes) == 1 and not filling:
        return [list(outputs)]
    answers, start = [], 0
    for size in sizes:
        answers.append([output[start : start + size] for output in outputs])
        start += size
    return answers


def _merged(tensors: list[Array], filling: int, *, pad: bool) -> Array:
    if pad and any(tensor.shape[1:] != tensors[0].shape[1:] for tensor in tensors):
        tensors = _padded(tensors)
    if filling and (row := next((tensor[:1] for tensor in reversed(tensors) if len(tensor)), None)) is not None:
        tensors.append(np.broadcast_to(row, (filling, *row.shape[1:])))
    if len(tensors) == 1:
        return tensors[0]
    try:
        return np.concatenate(tensors, dtype=tensors[0].dtype, casting="equiv")
    except (ValueError, TypeError) as error:
        raise Mismatch(str(error)) from None


def _padded(tensors: Sequence[Array]) -> list[Array]:
    if len({(tensor.ndim, 0 in tensor.shape[1:]) for tensor in tensors}) > 1:
        raise Mismatch("the ranks are not equal, or one has no value to pad with")
    inner = tuple(max(sizes) for sizes in zip(*(tensor.shape[1:] for tensor in tensors), strict=True))
    return [_padded_to(inner, tensor) for tensor in tensors]


def _padded_to(inner: tuple[int, ...], tensor: Array) -> Array:
    padded = np.empty((len(tensor), *inner), tensor.dtype)
    if tensor.size:
        padded.fill(tensor.flat[0])
        padded[tuple(slice(size) for size in tensor.shape)] = tensor
    return padded
