"""Lists of JSON values to arrays at the speed of C, when nothing about them is unusual."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from serving.server.rest.json_text import encoded
from serving.server.servable import Array

FLOAT, DOUBLE, INT32, UINT8, INT16, INT8, STRING, INT64, BOOL, UINT32, UINT64 = 1, 2, 3, 4, 5, 6, 7, 9, 10, 22, 23
NAMES = {
    FLOAT: "float", DOUBLE: "double", INT32: "int32", UINT8: "uint8", INT16: "int16", INT8: "int8", STRING: "string",
    INT64: "int64", BOOL: "bool", UINT32: "uint32", UINT64: "uint64",
}  # fmt: skip  # tensorflow.DataType, those that requests can have, as messages name them
MOST_DIMENSIONS = 64  # of numpy
Kinds = set[Any]  # of types
NUMBERS: Kinds = {int, float}
WHOLE: Kinds = {int}
TRUTH: Kinds = {bool}
TEXT: Kinds = {str, dict}
NOTHING: Kinds = set()
NORMAL = np.finfo(np.float64).tiny  # smaller doubles become zeros, as rapidjson reads them


def array(values: list[Any], dtype: int) -> Array | None:
    """Returns values of one type, or lists of lists of them of one shape, as an array of shape [n, ...].

    None: they are not what the type takes, or not of one shape, or a base64 object is none; `dense` says what is wrong.
    Call it with numpy's overflow warnings off: floats beyond float32 are infinite.
    """
    kinds = set(map(type, values))
    if kinds != {list}:
        return _converted(values, kinds, dtype)
    shape = [len(values)]
    while kinds == {list}:
        sizes = set(map(len, values))
        if len(sizes) != 1 or len(shape) == MOST_DIMENSIONS:
            return None
        shape.extend(sizes)
        values = list(chain.from_iterable(values))
        kinds = set(map(type, values))
    flat = _converted(values, kinds, dtype)
    return None if flat is None else flat.reshape(shape)


def _converted(values: list[Any], kinds: Kinds, dtype: int) -> Array | None:
    legal, convert = CONVERSIONS.get(dtype, (NOTHING, _floats))
    if not legal or not kinds <= legal:
        return None
    try:
        return convert(values)
    except (OverflowError, ValueError):
        return None


def _floats(values: list[float]) -> Array:
    return np.array(values, np.float32)


def _doubles(values: list[float]) -> Array:
    doubles = np.array(values, np.float64)
    doubles[np.abs(doubles) < NORMAL] *= 0.0  # keeps the sign
    return doubles


def _integers(kind: type[np.integer[Any]], least: int, most: int) -> Callable[[list[int]], Array]:
    """Returns a conversion that refuses numbers beyond a range, and lets them wrap to `kind` within."""

    def convert(values: list[int]) -> Array:
        if len(values) and (min(values) < least or max(values) > most):
            raise OverflowError
        return np.array(values, np.int64).astype(kind)

    return convert


def _texts(values: list[Any]) -> Array:
    texts = np.empty(len(values), object)
    texts[:] = [encoded(value) if type(value) is str else base64(value) for value in values]
    return texts


def base64(value: Any) -> bytes:
    """Returns the bytes of `{"b64": "..."}`.

    Raises:
      ValueError: it is none.
    """
    if not is_base64(value):
        raise ValueError(value)
    text = "".join(value["b64"].split())
    padding = "=" * (-len(text) % 4) if not text.endswith("=") else ""
    try:
        return a2b_base64(text + padding, strict_mode=True)
    except Base64Error as error:
        raise ValueError(value) from error


def is_base64(value: Any) -> bool:
    """Tells whether a value is an object with a text called b64 and nothing else."""
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


INT32_RANGE = (-(1 << 31), (1 << 31) - 1)  # also of the narrower types, as upstream checks them
CONVERSIONS: dict[int, tuple[Kinds, Callable[[list[Any]], Array]]] = {
    FLOAT: (NUMBERS, _floats),
    DOUBLE: (NUMBERS, _doubles),
    INT32: (WHOLE, _integers(np.int32, *INT32_RANGE)),
    UINT8: (WHOLE, _integers(np.uint8, *INT32_RANGE)),
    INT16: (WHOLE, _integers(np.int16, *INT32_RANGE)),
    INT8: (WHOLE, _integers(np.int8, *INT32_RANGE)),
    STRING: (TEXT, _texts),
    INT64: (WHOLE, lambda values: np.array(values, np.int64)),
    BOOL: (TRUTH, lambda values: np.array(values, np.bool_)),
    UINT32: (WHOLE, _integers(np.uint32, 0, (1 << 32) - 1)),
    UINT64: (WHOLE, lambda values: np.array(values, np.uint64)),
}
