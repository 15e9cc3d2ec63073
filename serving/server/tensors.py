"""TensorProtos from and to arrays, without a Python object for each number."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from serving.server import varint
from serving.server.protos.wire_pb2 import Tensor

Array = npt.NDArray[Any]
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
RARE = {19: np.float16, 14: ml_dtypes.bfloat16, 8: np.complex64, 18: np.complex128}  # by TensorFlow's own functions
NUMBERS |= {np.dtype(kind): dtype for dtype, kind in RARE.items()}


def to_array(tensor: Tensor) -> Array:
    """Returns the array that a TensorProto holds, as Tensor::FromProto of tensorflow/core/framework/tensor.cc reads it.

    Too few values are followed by the last one again, none at all is zeros; values beyond the shape's are left out.

    Raises:
      ValueError: its type is unknown, its shape is none, or its content is not of that size.
    """
    if tensor.tensor_shape.unknown_rank:
        raise ValueError("the shape is not known")
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if any(size < 0 for size in shape):
        raise ValueError(f"the shape is {shape}")
    if tensor.dtype == STRING and not tensor.tensor_content:
        return _of_size(np.array([*tensor.string_val, None], object)[:-1], shape, b"")
    if tensor.dtype not in KINDS:
        return _by_tensorflow(tensor)
    kind, field, read, _ = KINDS[tensor.dtype]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, np.dtype(kind).newbyteorder("<")).reshape(shape)
    chunks = getattr(tensor, field)
    if not chunks and tensor.ByteSize() > _known_size(tensor):
        return _by_tensorflow(tensor)  # numbers that are not packed, as old clients write them
    return _of_size(read(chunks[0] if len(chunks) == 1 else b"".join(chunks)), shape, kind())


def from_array(array: Array, tensor: Tensor, *, as_content: bool = False) -> None:
    """Writes an array into a TensorProto, in the field of its type or as `tensor_content`.

    Raises:
      ValueError: there is no TensorProto of such an array.
    """
    dtype = STRING if array.dtype == object else NUMBERS.get(array.dtype)
    if dtype is None:
        raise ValueError(f"there is no tensor of {array.dtype}")
    if dtype in RARE:
        from tensorflow import make_tensor_proto

        tensor.MergeFromString(make_tensor_proto(array).SerializeToString())
        return
    tensor.dtype = dtype
    dims = tensor.tensor_shape.dim
    for size in array.shape:
        dims.add().size = size
    if dtype == STRING:
        tensor.string_val.extend(array.ravel().tolist())
    elif as_content:
        tensor.tensor_content = array.tobytes()
    elif array.size:
        _, field, _, write = KINDS[dtype]
        getattr(tensor, field).append(write(array))


def _of_size(values: Array, shape: list[int], default: Any) -> Array:
    size = prod(shape)
    if len(values) < size:
        last = values[-1] if len(values) else default
        values = np.concatenate([values, np.full(size - len(values), last, values.dtype)])
    return values[:size].reshape(shape)


def _known_size(tensor: Tensor) -> int:
    known = Tensor()
    known.CopyFrom(tensor)
    known.DiscardUnknownFields()
    return int(known.ByteSize())


def _by_tensorflow(tensor: Tensor) -> Array:
    from tensorflow import make_ndarray
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    try:
        array: Array = make_ndarray(TensorProto.FromString(tensor.SerializeToString()))
    except (TypeError, KeyError) as error:
        raise ValueError(f"its type is unknown: {error}") from None
    return array
