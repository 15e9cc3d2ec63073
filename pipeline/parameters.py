"""Values of a compiled pipeline's parameters: read from a command line, and held against their types.

The types are those of kfp's PipelineSpec (ParameterType.ParameterTypeEnum); INT and DOUBLE are their older names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from schema.errors import UsageError

TRUTHS = {"true": True, "false": False}
READERS: dict[str, Callable[[str], Any]] = {
    "NUMBER_INTEGER": int,
    "NUMBER_DOUBLE": float,
    "BOOLEAN": lambda text: TRUTHS[text.lower()],
    "LIST": json.loads,
    "STRUCT": json.loads,
}
EXAMPLES = {
    "STRING": "a text",
    "NUMBER_INTEGER": "a whole number such as 5",
    "NUMBER_DOUBLE": "a number such as 0.5",
    "BOOLEAN": "true or false",
    "LIST": "a list as JSON, such as [1, 2]",
    "STRUCT": 'an object as JSON, such as {"a": 1}',
}
OLDER = {"INT": "NUMBER_INTEGER", "DOUBLE": "NUMBER_DOUBLE"}


def read(name: str, text: str, kind: str) -> Any:
    """Returns the value that a text of the command line stands for.

    Raises:
      UsageError: it is not of the parameter's type.
    """
    kind = OLDER.get(kind, kind)
    if kind not in READERS:
        return text
    try:
        value = READERS[kind](text)
    except (ValueError, KeyError):
        raise _wrong(name, text, kind) from None
    return checked(name, value, kind)


def checked(name: str, value: Any, kind: str) -> Any:
    """Returns a value, which is to be of a type.

    Raises:
      UsageError: it is not.
    """
    kind = OLDER.get(kind, kind)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    legal = {
        "STRING": isinstance(value, str),
        "NUMBER_INTEGER": is_number and float(value).is_integer(),
        "NUMBER_DOUBLE": is_number,
        "BOOLEAN": isinstance(value, bool),
        "LIST": isinstance(value, list),
        "STRUCT": isinstance(value, dict),
    }
    if not legal.get(kind, True):
        raise _wrong(name, value, kind)
    return int(value) if kind == "NUMBER_INTEGER" else value


def _wrong(name: str, value: Any, kind: str) -> UsageError:
    return UsageError(f"The parameter {name!r} is {value!r}. Legal is {EXAMPLES[kind]}, as its type is {kind}.")
