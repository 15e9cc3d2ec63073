"""TensorProtos from and to arrays, without a Python object for each number."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from tensorflow import as_dtype, make_ndarray
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.types_pb2 import DT_STRING

from serving.client.transport import Array

FIXED: dict[str, np.dtype[Any]] = {"float_val": np.dtype("<f4"), "double_val": np.dtype("<f8")}
VARINTS = {"int_val": np.int32, "int64_val": np.int64, "bool_val": np.bool_}
FIELDS = {1: "float_val", 2: "double_val", 3: "int_val", 9: "int64_val", 10: "bool_val"}  # by tensorflow.DataType


def to_proto(array: Array) -> TensorProto:
    """Returns an array, of whatever shape, as a TensorProto: numbers as `tensor_content`, texts as `string_val`."""
    proto = TensorProto()
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    if array.dtype == object:
        proto.dtype = DT_STRING
        proto.string_val.extend(_as_bytes(text) for text in array.ravel().tolist())
    else:
        proto.dtype = as_dtype(array.dtype).as_datatype_enum
        proto.tensor_content = array.tobytes()
    return proto


def to_array(proto: TensorProto) -> Array:
    """Returns the array that a TensorProto holds; texts are bytes objects.

    Raises:
      TypeError: it holds what numpy has no type for.
      ValueError: it does not hold as much as its shape says.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.dtype == DT_STRING:
        values: Any = proto.string_val
        return np.array([*values, None], object)[:-1].reshape(shape) if len(values) == prod(shape) else _any(proto)
    field = FIELDS.get(proto.dtype)
    if field is None or proto.tensor_content or len(getattr(proto, field)) != prod(shape):
        return _any(proto)
    return _numbers(getattr(proto, field), field).reshape(shape)


def _numbers(values: Any, field: str) -> Array:
    """The values of a field. Those of fixed size are packed at the end of a message that has no other field."""
    if field in VARINTS:
        return np.fromiter(values, VARINTS[field], len(values))
    kind = FIXED[field]
    packed = TensorProto(**{field: values}).SerializeToString()
    return np.frombuffer(packed, kind, len(values), len(packed) - len(values) * kind.itemsize)


def _any(proto: TensorProto) -> Array:
    array: Array = make_ndarray(proto)
    return array


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
