"""Values between protobuf's JSON and Python's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def python_of(message: Any) -> Any:
    """Returns a protobuf message or Value as JSON-like Python values; whole numbers are integers, as Go writes them."""
    from google.protobuf import json_format

    return _whole(json_format.MessageToDict(message))


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    return value
