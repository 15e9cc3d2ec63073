"""Run-time parameters: `--parameter k=v`, the file's own values, and the spec's defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.parameters import checked, read
from pipeline.spec.loading import Spec
from pipeline.spec.values import python_of
from schema.errors import UsageError, did_you_mean


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
        values[name] = checked(name, value, _type(_known(name, declared)))
    for word in given:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"--parameter {word}: it is to be NAME=VALUE. {_legal(declared)}")
        values[name] = read(name, text, _type(_known(name, declared)))
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
