"""The values of conditions: how CEL compares and converts them."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ConditionError(ValueError):
    """A condition cannot be read, or has no value over these inputs."""


def compare(sign: str, left: Any, right: Any) -> bool:
    """Returns the value of a comparison.

    Raises:
      ConditionError: the values have no order, or `in` is asked of what holds nothing.
    """
    if sign == "in":
        if not isinstance(right, list | Mapping):
            raise ConditionError(f"'in' needs a list or a map, and was given {right!r}")
        return any(_same(left, item) for item in right)
    if sign in {"==", "!="}:
        return _same(left, right) is (sign == "==")
    if not (is_number(left) and is_number(right)) and not (isinstance(left, str) and isinstance(right, str)):
        raise ConditionError(f"{left!r} {sign} {right!r} has no value: only two numbers or two texts have an order")
    return ORDERS[sign](left, right)


def _same(left: Any, right: Any) -> bool:
    """Equality of CEL: numbers by value, a boolean is no number, values of two kinds differ."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def is_number(value: Any) -> bool:
    """Whether a value is a number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: Any) -> Any:
    """Returns a number as it is; raises ConditionError for any other value."""
    if not is_number(value):
        raise ConditionError(f"{value!r} is no number")
    return value


def boolean(value: Any) -> bool:
    """Returns a boolean as it is; raises ConditionError for any other value."""
    if not isinstance(value, bool):
        raise ConditionError(f"{value!r} is neither true nor false")
    return value


def call(name: str, function: Callable[[Any], Any], argument: Any) -> Any:
    """Returns what a function makes of a value; raises ConditionError where it makes nothing."""
    try:
        return function(argument)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConditionError(f"{name}({argument!r}) has no value: {error}") from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[value] if value in ("true", "false") else boolean(value)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "double": float,
    "string": _text,
    "bool": _truth,
    "size": len,
    "parseJson": json.loads,
}
