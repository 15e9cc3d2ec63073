"""What the backend hands a step: its ExecutorInput, and the types of its inputs, as KFP's protos."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.container.arguments import INPUTS_SPEC, INVOCATION, Arguments
from schema.errors import UsageError


@dataclass(frozen=True)
class Invocation:
    """A step's ExecutorInput, and its ComponentInputsSpec, which a spec of schema 2.0 does not give."""

    executor_input: Any
    inputs_spec: Any | None

    @property
    def inputs(self) -> Any:
        """The input artifacts and parameters."""
        return self.executor_input.inputs

    @property
    def outputs(self) -> Any:
        """Where the outputs go."""
        return self.executor_input.outputs


def read(arguments: Arguments) -> Invocation:
    """Returns what the arguments hold.

    Raises:
      UsageError: they are not the JSON of these messages.
    """
    executor_input = _parse(INVOCATION, arguments.invocation, pipeline_spec_pb2.ExecutorInput())
    spec = arguments.inputs_spec
    inputs_spec = _parse(INPUTS_SPEC, spec, pipeline_spec_pb2.ComponentInputsSpec()) if spec else None
    return Invocation(executor_input, inputs_spec)


def class_at(path: str) -> Any:
    """Returns the class at a dotted path. An error within its module is not caught: it needs its traceback.

    Raises:
      UsageError: there is no such module or class.
    """
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (ModuleNotFoundError, ValueError) as error:
        missing = getattr(error, "name", None) or module_name
        if missing != module_name and not module_name.startswith(f"{missing}."):
            raise
        raise _no_such(path, str(error)) from None
    if not hasattr(module, name):
        raise _no_such(path, f"{module_name} has no {name!r}")
    return getattr(module, name)


def _no_such(path: str, why: str) -> UsageError:
    return UsageError(
        f"{path}: there is no such class in this image: {why}. Install the code in the image, or put its folder "
        "on PYTHONPATH, and compile the pipeline with that image."
    )


def _parse(option: str, text: str, message: Message) -> Message:
    try:
        return json_format.Parse(text, message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise UsageError(
            f"{option}: not the JSON of a {type(message).__name__}: {error}. It was given {text[:60]!r}."
        ) from None
