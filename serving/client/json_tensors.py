"""Tensors in the JSON of TensorFlow Serving's REST API (util/json_tensor.cc), without a Python function a number."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from serving.client.served import Signature, Tensor
from serving.client.transport import Array, Tensors


def request(signature: str, inputs: Tensors) -> bytes:
    """Returns the body of a Predict request in the columnar format.

    NaN and Infinity are bare tokens, which the server's parser takes and JSON has not; bytes that are no UTF-8 are
    {"b64": …}.
    """
    tensors = b",".join(orjson.dumps(name) + b":" + encode(array) for name, array in inputs.items())
    return b'{"signature_name":' + orjson.dumps(signature) + b',"inputs":{' + tensors + b"}}"


def encode(array: Array) -> bytes:
    """Returns an array of numbers, booleans or texts as nested JSON lists."""
    if array.dtype == object:
        return orjson.dumps(_texts(array.tolist()))
    if array.dtype.kind != "f":
        return _numbers(array)
    if np.isinf(array).any():
        return json.dumps(array.tolist()).encode()
    return _numbers(array).replace(b"null", b"NaN")


def parse(body: bytes) -> Any:
    """Returns what an answer holds; NaN and Infinity may be in it, and texts that are no UTF-8.

    Raises:
      ValueError: it is no JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body.decode("utf-8", "replace"))


def outputs(answer: Any, signature: Signature) -> dict[str, Array]:
    """Returns the outputs in the answer to a columnar request, of which a single one comes without its name.

    Raises:
      KeyError, TypeError, ValueError: it is no answer to such a request.
    """
    tensors = answer["outputs"]
    if len(signature.outputs) == 1:
        (tensor,) = signature.outputs.values()
        return {tensor.name: _array(tensors, tensor)}
    if not isinstance(tensors, Mapping):
        raise TypeError("one output, where the signature has several")
    return {tensor.name: _array(tensors[tensor.name], tensor) for tensor in signature.outputs.values()}


def _numbers(array: Array) -> bytes:
    return orjson.dumps(np.asarray(array, order="C") if array.shape else array[()], option=orjson.OPT_SERIALIZE_NUMPY)


def _array(values: Any, tensor: Tensor) -> Array:
    """The values in the type of the output: a float32 in JSON has 9 digits, and is the same one again."""
    if tensor.dtype != "string":
        return np.array(values, tensor.numpy)
    return np.array([*_flat(values), None], object)[:-1].reshape(_shape(values))


def _shape(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list):
        return ()
    return (len(values), *(_shape(values[0]) if values else ()))


def _flat(values: Any) -> Any:
    if isinstance(values, list):
        for value in values:
            yield from _flat(value)
    elif isinstance(values, str):
        yield values.encode()
    else:
        yield base64.b64decode(values["b64"])


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return value if isinstance(value, str) else _bytes(value)


def _bytes(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}
