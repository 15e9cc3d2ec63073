"""Bodies of classify and regress requests to serialised tf.Examples (json_tensor.cc, MakeExampleFromJsonObject)."""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.example.feature_pb2 import Feature

from serving.server.rest import columns, dense
from serving.server.rest.json_text import echo, encoded, kind_of, valid
from serving.server.rest.request_json import Document
from serving.server.status import invalid_argument

CONTEXT, EXAMPLES = "context", "examples"
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
LISTS = {bool: "int64", int: "int64", float: "float", str: "bytes", dict: "bytes"}  # an element's JSON token decides


def examples(request: Document) -> list[bytes]:
    """Returns the examples of a request, each with the context in front, which it overrides.

    Raises:
      StatusError: there are none, or a feature is not of one kind.
    """
    context = _example(request[CONTEXT]) if CONTEXT in request else b""
    if EXAMPLES not in request:
        wanted = f"When method is classify, key '{EXAMPLES}' is expected and was not found"
        raise invalid_argument(f"JSON Value: {echo(request)} {wanted}")
    listed = request[EXAMPLES]
    if type(listed) is not list:
        raise invalid_argument(f"JSON Value: {echo(request)} Expecting '{EXAMPLES}' value to be an list/array")
    if not listed:
        raise invalid_argument(f"JSON Value: {echo(request)} '{EXAMPLES}' value is an empty array")
    with np.errstate(over="ignore"):
        return [context + _example(example) for example in listed]


def _example(value: Any) -> bytes:
    if type(value) is not dict:
        raise invalid_argument(f"Example must be JSON object but got JSON {kind_of(value)}")
    example = Example()
    features = example.features.feature
    for name, content in value.items():
        _fill(features[valid(name)], name, content if type(content) is list else [content])
    serialized: bytes = example.SerializeToString()
    return serialized


def _fill(feature: Feature, name: str, values: list[Any]) -> None:
    kinds = set(map(type, values))
    lists = {LISTS.get(kind, "") for kind in kinds}
    if dict in kinds or lists - {"int64", "float", "bytes"} or len(lists) > 1:
        _check(name, values)
    if lists == {"int64"}:
        if min(values) < INT64_MIN or max(values) > INT64_MAX:
            raise invalid_argument(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
        feature.int64_list.value.extend(values)
    elif lists == {"float"}:
        feature.float_list.value.extend(np.array(values, np.float32).tolist())
    elif lists == {"bytes"}:
        texts = [encoded(value) if type(value) is str else dense.check_base64(value) for value in values]
        feature.bytes_list.value.extend(texts)


def _check(name: str, values: list[Any]) -> None:
    """Raises what is wrong with the first element that is not as those before it."""
    first = ""
    for value in values:
        if type(value) not in LISTS or (type(value) is dict and not columns.is_base64(value)):
            raise invalid_argument(f"Feature: {name} has element with unexpected JSON type: {kind_of(value)}")
        kind = LISTS[type(value)]
        first = first or kind
        if kind != first:
            raise invalid_argument(f"Unexpected element type in feature: {name} expecting type: {first}")
        if type(value) is int and value > INT64_MAX:
            raise invalid_argument(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
