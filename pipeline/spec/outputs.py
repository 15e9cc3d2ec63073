"""What a step made: its ExecutorOutput, the files of its output parameters, and its artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.spec.executor_input import Outputs
from pipeline.spec.graph import Leaf
from pipeline.spec.places import Place
from pipeline.spec.store import Artifact
from pipeline.spec.values import python_of
from schema.errors import StepFailed

TRUE, FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")  # Go's ParseBool


@dataclass(frozen=True)
class Made:
    """The parameters and artifacts that a step made."""

    parameters: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)


def read_output_file(file: Path) -> Made:
    """Returns what a step's ExecutorOutput says; empty where it wrote none. Artifacts lack a type.

    Raises:
      StepFailed: the file is no ExecutorOutput.
    """
    if not file.exists():
        return Made()
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        said = json_format.Parse(file.read_text(encoding="utf-8"), pipeline_spec_pb2.ExecutorOutput())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise StepFailed(f"{file}: the step wrote no ExecutorOutput: {error}.") from None
    artifacts = {
        name: Artifact(of.artifacts[0].uri, {}, python_of(of.artifacts[0].metadata))
        for name, of in said.artifacts.items()
        if of.artifacts
    }
    return Made({name: python_of(value) for name, value in said.parameter_values.items()}, artifacts)


def collect(leaf: Leaf, outputs: Outputs, place: Place) -> Made:
    """Returns what a step made, its artifacts uploaded.

    What the ExecutorOutput says of a parameter counts before its file; of an artifact, its address and metadata are
    laid over what the spec says.

    Raises:
      StepFailed: an output parameter lacks or is not of its type, or the ExecutorOutput cannot be read.
    """
    said = read_output_file(place.output_file)
    parameters = dict(said.parameters)
    for name in outputs.parameters:
        if name not in parameters:
            kind = leaf.component.output_definitions.parameters[name].parameter_type
            parameters[name] = _read(leaf.name, name, place.parameter_file(name), kind)
    artifacts = {}
    for name, artifact in outputs.artifacts.items():
        laid_over = said.artifacts.get(name, Artifact("", {}))
        uri = place.untold(laid_over.uri) or artifact.uri
        metadata = {"display_name": name, **artifact.metadata, **laid_over.metadata}
        artifacts[name] = replace(artifact, uri=uri, metadata=metadata, is_stored=place.upload(uri))
    return Made(parameters, artifacts)


def _read(step: str, name: str, file: Path, kind: int) -> Any:
    from kfp.pipeline_spec.pipeline_spec_pb2 import ParameterType

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise StepFailed(f"{step} did not write its output parameter {name!r} to {file}: {error.strerror}.") from None
    kind_name = ParameterType.ParameterTypeEnum.Name(kind)
    try:
        return _converted(text, kind_name)
    except ValueError:
        raise StepFailed(
            f"{step} wrote {text[:60]!r} as its output parameter {name!r}, which is to be a {kind_name}."
        ) from None


def _converted(text: str, kind: str) -> Any:
    """As Kubeflow's launcher does it (metadata.TextToPbValue)."""
    if kind == "STRING":
        return text
    stripped = text.strip()
    if kind == "NUMBER_INTEGER":
        return int(stripped)
    if kind == "NUMBER_DOUBLE":
        return float(stripped)
    if kind == "BOOLEAN":
        if stripped not in TRUE + FALSE:
            raise ValueError(stripped)
        return stripped in TRUE
    value = json.loads(stripped)
    if not isinstance(value, {"LIST": list, "STRUCT": Mapping}.get(kind, object)):
        raise ValueError(stripped)  # noqa: TRY004  # what the text holds is wrong, as above
    return value
