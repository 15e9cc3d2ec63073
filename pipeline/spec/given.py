"""What a task is given: its parameters in their types, its artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pipeline.spec.condition_values import ConditionError
from pipeline.spec.expression import parse
from pipeline.spec.loading import Flavour
from pipeline.spec.placeholders import Values, as_text
from pipeline.spec.store import Artifact
from schema.errors import PenstockError, StepFailed


class NotMade(PenstockError):
    """What a task is to be given is not there, since the step that makes it was skipped."""


@dataclass(frozen=True)
class Inputs:
    """What a task is given."""

    parameters: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, list[Artifact]] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run of a spec: its number, names that placeholders stand for, and the pipeline's parameters."""

    id: str
    flavour: Flavour
    names: Mapping[str, str]
    parameters: Mapping[str, Any]


def selected(one: Any, value: Any) -> Any:
    """Returns the part of a value that a parameter's expression selects; raises StepFailed where there is none."""
    selector = one.parameter_expression_selector
    if not selector:
        return value
    try:
        return parse(selector)({"string_value": as_text(value), "struct_value": value, "list_value": value})
    except ConditionError as error:
        raise StepFailed(f"The selector {selector!r} of a parameter has no value: {error}.") from None


def typed(task: str, key: str, value: Any, kind: int) -> Any:
    """Returns a value in its declared type: any becomes a text, as JSON; nothing else is converted, else StepFailed."""
    from kfp.pipeline_spec.pipeline_spec_pb2 import ParameterType

    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case ParameterType.STRING:
            return value if isinstance(value, str) else as_text(value)
        case ParameterType.NUMBER_INTEGER | ParameterType.NUMBER_DOUBLE:
            is_right = is_number
        case ParameterType.BOOLEAN:
            is_right = isinstance(value, bool)
        case ParameterType.LIST:
            is_right = isinstance(value, list)
        case ParameterType.STRUCT | ParameterType.TASK_FINAL_STATUS:
            is_right = isinstance(value, Mapping)
        case _:
            is_right = True
    if not is_right:
        wanted = ParameterType.ParameterTypeEnum.Name(kind)
        raise StepFailed(f"The parameter {key!r} of {task} is to be a {wanted}, and is {json.dumps(value)}.")
    return value


def self_references(inputs: Inputs) -> Inputs:
    """Returns the inputs; a parameter made of others of its task, as kfp compiles f-strings, is filled in."""
    values = Values({"inputs": {"parameterValues": dict(inputs.parameters)}}, str, {})
    for key, value in inputs.parameters.items():
        if isinstance(value, str) and "{{$.inputs.parameters[" in value:
            with suppress(StepFailed):  # a text that only looks like it stays
                inputs.parameters[key] = values.fill(value)
    return inputs
