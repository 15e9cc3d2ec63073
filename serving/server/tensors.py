"""TensorProtos from and to arrays, without a Python object for each number."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from serving.server import varint
from serving.server.protos import wire_pb2
from serving.server.protos.wire_pb2 import Tensor

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
SHAPES_KEPT = 1024  # of those that were read and written last
STRING = 7  # tensorflow.DataType


def _fixed(kind: type[np.generic]) -> tuple[Callable[[bytes], Array], Callable[[Array], bytes]]:
    little = np.dtype(kind).newbyteorder("<")
    return lambda data: np.frombuffer(data, little), lambda array: array.astype(little, copy=False).tobytes()


def _varints(kind: type[np.generic]) -> tuple[Callable[[bytes], Array], Callable[[Array], bytes]]:
    return lambda data: varint.decode(data).astype(kind), varint.encode


# By tensorflow.DataType: its array's kind, the field that carries it, and how that is read and written.
KINDS: dict[int, tuple[type[Any], str, Callable[[bytes], Array], Callable[[Array], bytes]]] = {
    1: (np.float32, "float_val", *_fixed(np.float32)),
    2: (np.float64, "double_val", *_fixed(np.float64)),
    3: (np.int32, "int_val", *_varints(np.int32)),
    4: (np.uint8, "int_val", *_varints(np.uint8)),
    5: (np.int16, "int_val", *_varints(np.int16)),
    6: (np.int8, "int_val", *_varints(np.int8)),
    9: (np.int64, "int64_val", *_varints(np.int64)),
    10: (np.bool_, "bool_val", *_varints(np.bool_)),
    17: (np.uint16, "int_val", *_varints(np.uint16)),
    22: (np.uint32, "uint32_val", *_varints(np.uint32)),
    23: (np.uint64, "uint64_val", *_varints(np.uint64)),
}
NUMBERS = {np.dtype(kind): dtype for dtype, (kind, *_) in KINDS.items()}
FIXED: dict[int, tuple[np.dtype[Any], str]] = {
    1: (np.dtype("<f4"), "float_val"),
    2: (np.dtype("<f8"), "double_val"),
}
# Rarer ones, by TensorFlow's own message: the field, and the kind that its numbers are of.
RARE: dict[int, tuple[type[Any], str, type[Any]]] = {
    8: (np.complex64, "scomplex_val", np.float32),
    14: (ml_dtypes.bfloat16, "half_val", np.uint16),
    18: (np.complex128, "dcomplex_val", np.float64),
    19: (np.float16, "half_val", np.uint16),
}
NUMBERS |= {np.dtype(kind): dtype for dtype, (kind, *_) in RARE.items()}


def to_array(tensor: Tensor) -> Array:
    """Returns the array that a TensorProto holds, as Tensor::FromProto of tensorflow/core/framework/tensor.cc reads it.

    Too few values are followed by the last one again, none at all is zeros; values beyond the shape's are left out.

    Raises:
      ValueError: its type is unknown, its shape is none or too large, or its content is not of that size.
    """
    shape = _shape(tensor.tensor_shape)
    if shape is None:
        raise ValueError("the shape is not known")
    plain = _plain_column(tensor, shape)
    if plain is not None:
        return plain
    if any(size < 0 for size in shape):
        raise ValueError(f"the shape is {list(shape)}")
    try:
        return _read(tensor, shape)
    except MemoryError:
        raise ValueError(f"there is no memory for the shape {list(shape)}") from None
    except DecodeError as error:
        raise ValueError(f"its values cannot be read: {error}") from None


def _plain_column(tensor: Tensor, shape: Shape) -> Array | None:
    """Returns what nearly every tensor of a table is, at a third of the cost: so many numbers of fixed size, [n]."""
    fixed = FIXED.get(tensor.dtype)
    if fixed is None or len(shape) != 1:
        return None
    kind, field = fixed
    data = tensor.tensor_content
    if not data:
        chunks = getattr(tensor, field)
        if len(chunks) != 1:
            return None
        data = chunks[0]
    return np.frombuffer(data, kind) if len(data) == shape[0] * kind.itemsize else None


@lru_cache(SHAPES_KEPT)
def _shape(message: bytes) -> Shape | None:
    """The sizes in a TensorShapeProto; None where it does not say how many dimensions there are."""
    shape = wire_pb2.Shape.FromString(message)
    return None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)


@lru_cache(SHAPES_KEPT)
def _shape_message(shape: Shape) -> bytes:
    message: bytes = wire_pb2.Shape(dim=[{"size": size} for size in shape]).SerializeToString()
    return message


def _read(tensor: Tensor, shape: Shape) -> Array:
    if tensor.dtype == STRING:
        return _of_size(_texts(tensor, prod(shape)), shape, b"")
    if tensor.dtype not in KINDS:
        return _by_tensorflow(tensor, shape)
    kind, field, read, _ = KINDS[tensor.dtype]
    if tensor.tensor_content and 0 not in shape:
        return np.frombuffer(tensor.tensor_content, np.dtype(kind).newbyteorder("<")).reshape(shape)
    chunks = getattr(tensor, field)
    if not chunks and tensor.ByteSize() > _known_size(tensor):
        return _by_tensorflow(tensor, shape)  # numbers that are not packed, as old clients write them
    return _of_size(read(chunks[0] if len(chunks) == 1 else b"".join(chunks)), shape, kind(0))


def from_array(array: Array, tensor: Tensor, *, as_content: bool = False) -> None:
    """Writes an array into a TensorProto, in the field of its type or as `tensor_content`.

    Texts are in their field either way: Python's clients cannot read them from content.

    Raises:
      ValueError: there is no TensorProto of such an array.
    """
    dtype = STRING if array.dtype == object else NUMBERS.get(array.dtype)
    if dtype is None:
        raise ValueError(f"there is no tensor of {array.dtype}")
    tensor.dtype = dtype
    tensor.tensor_shape = _shape_message(array.shape)
    if dtype == STRING:
        tensor.string_val.extend(array.ravel().tolist())
    elif as_content:
        tensor.tensor_content = array.tobytes()
    elif dtype in RARE:
        _write_rare(array, tensor)
    elif array.size:
        _, field, _, write = KINDS[dtype]
        getattr(tensor, field).append(write(array))


def _of_size(values: Array, shape: Shape, default: Any) -> Array:
    size = prod(shape)
    if len(values) < size:
        last = values[-1] if len(values) else default
        values = np.concatenate([values, np.full(size - len(values), last, values.dtype)])
    return values[:size].reshape(shape)


def _texts(tensor: Tensor, count: int) -> Array:
    """Returns texts as objects, shape [n]; in content they are the lengths of all and then the texts of all."""
    texts: list[Any] = [*tensor.string_val]
    if tensor.tensor_content and count:
        content = tensor.tensor_content
        octets = np.frombuffer(content, np.uint8)
        ends = np.flatnonzero(octets < varint.CONTINUES)[:count] + 1
        if len(ends) < count:
            raise ValueError("the content has too few texts")
        bounds = list(accumulate(varint.decode(content[: ends[-1]]).tolist(), initial=int(ends[-1])))
        if bounds[-1] != len(content):
            raise ValueError("the content is not as long as its texts")
        texts = [content[start:end] for start, end in pairwise(bounds)]
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def _known_size(tensor: Tensor) -> int:
    known = Tensor()
    known.CopyFrom(tensor)
    known.DiscardUnknownFields()
    return int(known.ByteSize())


def _by_tensorflow(tensor: Tensor, shape: Shape) -> Array:
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    whole = TensorProto.FromString(tensor.SerializeToString())
    if tensor.dtype in KINDS:
        kind, field, *_ = KINDS[tensor.dtype]
        values = np.array(getattr(whole, field), np.int32 if field == "int_val" else kind)
        return _of_size(values.astype(kind), shape, kind(0))
    if tensor.dtype not in RARE:
        return _of_another_kind(whole)
    kind, field, part = RARE[tensor.dtype]
    if whole.tensor_content and 0 not in shape:
        return np.frombuffer(whole.tensor_content, np.dtype(kind).newbyteorder("<")).reshape(shape)
    parts = np.array(getattr(whole, field)).astype(part)
    parts_each = np.dtype(kind).itemsize // parts.itemsize
    return _of_size(parts[: len(parts) // parts_each * parts_each].view(kind), shape, kind(0))


def _of_another_kind(tensor: Any) -> Array:
    from tensorflow import make_ndarray

    try:
        array: Array = make_ndarray(tensor)
    except (TypeError, KeyError) as error:
        raise ValueError(f"its type is unknown: {error}") from None
    return array


def _write_rare(array: Array, tensor: Tensor) -> None:
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    _, field, part = RARE[tensor.dtype]
    values = {field: array.ravel().view(part).tolist()}
    tensor.MergeFromString(TensorProto(**values).SerializeToString())
