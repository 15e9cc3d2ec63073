"""Run-time parameters: `--parameter k=v`, the file's own values, and the spec's defaults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.spec.loading import Spec
from pipeline.spec.values import python_of
from schema.errors import UsageError, did_you_mean

TRUTHS = {"true": True, "false": False}


def parameters_of(spec: Spec, given: Sequence[str]) -> dict[str, Any]:
    """Returns the value of each of a pipeline's parameters; an optional one without a value is left out.

    Args:
      spec: the pipeline.
      given: `name=value` each, laid over the file's own values and the defaults.

    Raises:
      UsageError: there is no such parameter, it lacks a value, or its value is not of its type.
    """
    declared = dict(spec.pipeline.root.input_definitions.parameters)  # protobuf's map makes what it is asked for
    values = {name: python_of(one.default_value) for name, one in declared.items() if one.HasField("default_value")}
    for name, value in spec.values.items():
        values[name] = _checked(name, value, _type(_known(name, declared)))
    for word in given:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"--parameter {word}: it is to be NAME=VALUE. {_legal(declared)}")
        values[name] = _read(name, text, _type(_known(name, declared)))
    missing = sorted(name for name, one in declared.items() if name not in values and not one.is_optional)
    if missing:
        raise UsageError(
            f"No value for {', '.join(map(repr, missing))}: give it with --parameter {missing[0]}=VALUE. "
            f"{_legal(declared)}"
        )
    return values


def _known(name: str, declared: Mapping[str, Any]) -> Any:
    if name not in declared:
        near = f" {did_you_mean(name, declared)}" if declared else ""
        raise UsageError(f"{name!r} is no parameter of this pipeline.{near} {_legal(declared)}")
    return declared[name]


def _legal(declared: Mapping[str, Any]) -> str:
    said = (f"{name} ({_type(one)}{_default(one)})" for name, one in sorted(declared.items()))
    return f"Its parameters: {', '.join(said)}." if declared else "It has no parameters."


def _default(one: Any) -> str:
    return f", default {json.dumps(python_of(one.default_value))}" if one.HasField("default_value") else ""


def _type(one: Any) -> str:
    from kfp.pipeline_spec.pipeline_spec_pb2 import ParameterType

    return str(ParameterType.ParameterTypeEnum.Name(one.parameter_type))


def _read(name: str, text: str, kind: str) -> Any:
    """The value that a text of the command line stands for."""
    if kind not in READERS:
        return text
    try:
        value = READERS[kind](text)
    except (ValueError, KeyError):
        raise _wrong(name, text, kind) from None
    return _checked(name, value, kind)


def _checked(name: str, value: Any, kind: str) -> Any:
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
