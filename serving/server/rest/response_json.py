"""Arrays to the bodies of answers (MakeJsonFromTensors of tensorflow_serving/util/json_tensor.cc)."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np

from serving.server.rest.json_text import encoded, quoted, valid
from serving.server.rest.number_text import texts as number_texts
from serving.server.servable import Array
from serving.server.status import invalid_argument

BYTES = "_bytes"  # an output of texts whose name ends so is written as base64
FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}
INTEGERS = {np.dtype(kind) for kind in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint32, np.uint64)}
Outputs = Mapping[str, Array]


def predictions(outputs: Outputs) -> bytes:
    """Returns the answer to `instances`: a value a row, or an object when there are several outputs.

    Raises:
      StatusError: an output is not one value a row, or of a type that JSON has not.
    """
    rows = _count(outputs)
    columns = [_nested(array, _texts(name, array), 1) for name, array in outputs.items()]
    if len(columns) == 1:
        elements = columns[0]
    else:
        names = (quoted(name).replace("%", "%%") for name in outputs)
        elements = [_object(names)] * rows
        elements = [row % values for row, values in zip(elements, zip(*columns, strict=True), strict=True)]
    return encoded(f'{{"predictions": [{",".join(elements)}]}}')


def outputs_by_name(outputs: Outputs) -> bytes:
    """Returns the answer to `inputs`: a value, or an object when there are several outputs.

    Raises:
      StatusError: there is no output, or one of a type that JSON has not.
    """
    _check_any(outputs)
    values = [_nested(array, _texts(name, array), 0)[0] for name, array in outputs.items()]
    if len(values) == 1:
        return encoded(f'{{"outputs": {values[0]}}}')
    members = ",".join(f"{quoted(name)}:{value}" for name, value in zip(outputs, values, strict=True))
    return encoded(f'{{"outputs": {{{members}}}}}')


def classifications(classes: Array | None, scores: Array | None) -> bytes:
    """Returns the answer to classify: for each example a list of [label, score]; without classes the label is empty."""
    either = classes if classes is not None else scores
    if either is None or not len(either):
        raise invalid_argument("Cannot convert empty ClassificationResults to JSON")
    labels = _labels(classes) if classes is not None else ['""'] * either.size
    numbers = number_texts(scores) if scores is not None else ["0.0"] * either.size
    pairs = [f"[{label},{score}]" for label, score in zip(labels, numbers, strict=True)]
    return encoded(f'{{"results": [{",".join(_nested(either, pairs, 1))}]}}')


def regressions(values: Array) -> bytes:
    """Returns the answer to regress: a number for each example."""
    if not len(values):
        raise invalid_argument("Cannot convert empty RegressionResults to JSON")
    return encoded(f'{{"results": [{",".join(number_texts(values))}]}}')


def error(message: str) -> bytes:
    """Returns the answer to a request that failed; always UTF-8, so that every client can read it."""
    return encoded(f'{{"error": {quoted(valid(message))}}}')


def _check_any(outputs: Outputs) -> None:
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")


def _count(outputs: Outputs) -> int:
    _check_any(outputs)
    rows = -1
    for name, array in outputs.items():
        if not array.ndim:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if rows >= 0 and len(array) != rows:
            raise invalid_argument(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {rows}")
        rows = len(array)
    return rows


def _object(names: Iterable[str]) -> str:
    return "{" + ",".join(f"{name}:%s" for name in names) + "}"


def _texts(name: str, array: Array) -> list[str]:
    """Returns the elements of an array, in C order, each as JSON."""
    if not array.size:
        return []
    if array.dtype in FLOATS:
        return number_texts(array)
    if array.dtype in INTEGERS:
        return list(map(str, array.ravel().tolist()))
    if array.dtype == np.bool_:
        return ["true" if value else "false" for value in array.ravel().tolist()]
    if array.dtype == object:
        return _base64(array) if name.endswith(BYTES) else _labels(array)
    kind = "half" if array.dtype == np.float16 else str(array.dtype)
    raise invalid_argument(f"Failed to write JSON value for tensor type: {kind}")


def _labels(array: Array) -> list[str]:
    values = _as_bytes(array)
    try:
        return list(map(quoted, map(bytes.decode, values)))
    except UnicodeDecodeError:
        return [quoted(value.decode("utf-8", "surrogateescape")) for value in values]


def _base64(array: Array) -> list[str]:
    return [f'{{"b64":"{b2a_base64(value, newline=False).decode()}"}}' for value in _as_bytes(array)]


def _as_bytes(array: Array) -> list[bytes]:
    values: list[Any] = array.ravel().tolist()
    if set(map(type, values)) <= {bytes}:
        return values
    return [encoded(value) if isinstance(value, str) else bytes(value) for value in values]


def _nested(array: Array, texts: list[str], level: int) -> list[str]:
    """Returns the elements of `level` of an array, each with all that lies in it."""
    shape = array.shape
    for depth in range(array.ndim - 1, level - 1, -1):
        size = shape[depth]
        if size:
            texts = ["[" + ",".join(texts[at : at + size]) + "]" for at in range(0, len(texts), size)]
        else:
            texts = ["[]"] * prod(shape[:depth])
    return texts
