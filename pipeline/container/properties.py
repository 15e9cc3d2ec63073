"""Execution properties: a step's parameters, as the backend sends them, in the types that the component declared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils

from pipeline.container.invocation import Invocation
from pipeline.packed import unpack
from schema.errors import UsageError

DRIVER_OUTPUT = "driver_output"  # the parameter in which a driver's task hands over what it found
Properties = dict[str, Any]


def properties_of(invocation: Invocation) -> Properties:
    """Returns the execution properties without what a driver found; a parameter that is null is left out.

    Raises:
      UsageError: a value does not fit its declared type.
    """
    inputs, spec = invocation.inputs, invocation.inputs_spec
    if spec is None:  # a spec of schema 2.0, whose values carry their types
        properties: Properties = kubeflow_v2_entrypoint_utils.parse_execution_properties(
            inputs.parameter_values, inputs.parameters
        )
        return properties
    given = {name: value for name, value in inputs.parameter_values.items() if name != DRIVER_OUTPUT}
    return typed_values(given, {name: parameter.parameter_type for name, parameter in spec.parameters.items()})


def typed_values(values: Mapping[str, Any], types: Mapping[str, int]) -> Properties:
    """Returns protobuf Values as Python's; the nulls are left out. JSON knows no integers: a type, or 3.0, says so."""
    plain = {name: json_format.MessageToDict(value) for name, value in values.items()}
    return {name: _typed(name, value, types.get(name)) for name, value in plain.items() if value is not None}


def found_by_driver(invocation: Invocation) -> Properties:
    """Returns what the step's driver found, where the driver was a task before it; else nothing.

    Raises:
      UsageError: it is not a JSON object.
    """
    given = invocation.inputs.parameter_values
    if DRIVER_OUTPUT not in given:  # asked first: a protobuf map makes what it is asked for
        return {}
    text = given[DRIVER_OUTPUT].string_value
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{DRIVER_OUTPUT}: {text[:60]!r} is not a JSON object, which is what a driver writes.")
    return found


def canonical(properties: Properties) -> str:
    """Returns properties as JSON that is the same, letter by letter, for the same values: a cache compares it."""
    return json.dumps(properties, sort_keys=True, separators=(",", ":"))


def _typed(name: str, value: Any, kind: int | None) -> Any:
    if kind == pipeline_spec_pb2.ParameterType.NUMBER_INTEGER and not isinstance(value, bool):
        return _whole(name, value)
    if kind == pipeline_spec_pb2.ParameterType.STRING and isinstance(value, dict | list):
        return json.dumps(value)
    if kind == pipeline_spec_pb2.ParameterType.STRING and isinstance(value, str):
        return unpack(value)
    if kind is None and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _whole(name: str, value: Any) -> int:
    try:
        number = float(value)
        if number.is_integer():
            return int(number)
    except (TypeError, ValueError):
        pass
    raise UsageError(f"Parameter {name!r}: {value!r} is not a whole number. Give the run one.")
