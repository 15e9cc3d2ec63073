"""Steps that do nothing, of which pipelines are made that no target runs."""

from typing import TypedDict

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import Model


class Nameless(Artifact):
    """A type of one's own whose name has no dot."""

    TYPE_NAME = "Nameless"


class Number(TypedDict):
    """A number, by name."""

    number: int


@component
def Make(model: OutputArtifact[Model]) -> Number:
    """Gives a model and a number."""
    del model
    return {"number": 1}


@component
def Take(model: InputArtifact[Model], number: Parameter[int] = 0) -> None:
    """Takes a model and a number."""


@component
def Wait(number: Parameter[int] = 0) -> None:
    """Takes no artifact."""


@component
def Hear(text: Parameter[str]) -> None:
    """Takes a text."""


@component
def Strange(thing: OutputArtifact[Nameless]) -> None:
    """Gives what has no legal name."""
