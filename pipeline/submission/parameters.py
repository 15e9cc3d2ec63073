"""`--parameter NAME=VALUE`: checked against what the compiled pipeline declares, before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.submission.compiled import Parameter
from schema.errors import UsageError, did_you_mean

BOOLEANS = {"true": True, "false": False}


def parameter_values(given: Iterable[str], declared: Mapping[str, Parameter]) -> dict[str, Any]:
    """Returns the values by name, each of its parameter's type.

    Raises:
      UsageError: one is no NAME=VALUE, given twice, not declared, of another type; or a required one is missing.
    """
    values: dict[str, Any] = {}
    for word in given:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--parameter {word!r} is no NAME=VALUE.")
        if name in values:
            raise UsageError(f"--parameter {name} is given twice.")
        if name not in declared:
            raise UsageError(_unknown(name, declared))
        values[name] = _value(text, declared[name])
    missing = [name for name, parameter in declared.items() if parameter.is_required and name not in values]
    if missing:
        wanted = " ".join(f"--parameter {name}=…" for name in missing)
        raise UsageError(f"The pipeline has no default for {', '.join(missing)}. Add {wanted}")
    return values


def _unknown(name: str, declared: Mapping[str, Parameter]) -> str:
    hint = did_you_mean(name, declared) if declared else "It has none."
    return f"The pipeline has no parameter {name!r}. {hint}"


def _value(text: str, parameter: Parameter) -> Any:
    reading = READINGS.get(parameter.type)
    if reading is None:
        return text
    what, read = reading
    try:
        return read(text)
    except (ValueError, KeyError) as error:
        raise UsageError(f"--parameter {parameter.name}={text}: {text!r} is no {what}.") from error


def _json_of(kind: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)  # noqa: TRY004  # as json does for what is no JSON
        return value

    return read


def _boolean(text: str) -> bool:
    return BOOLEANS[text.lower()]


INTEGER = ("whole number", int)
DOUBLE = ("number", float)
READINGS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "NUMBER_INTEGER": INTEGER,
    "INT": INTEGER,
    "NUMBER_DOUBLE": DOUBLE,
    "DOUBLE": DOUBLE,
    "BOOLEAN": ("boolean; legal are true and false", _boolean),
    "LIST": ("JSON list", _json_of(list)),
    "STRUCT": ("JSON object", _json_of(dict)),
}
