"""What a step tells its backend at its end: an ExecutorOutput, in the file that the backend named."""

from __future__ import annotations

import logging
import math
import os
import shutil
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.io import fileio
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils
from tfx.orchestration.portable import outputs_utils
from tfx.types import artifact_utils, standard_artifacts, value_artifact

from pipeline.container.artifact_types import HTML, METRICS
from pipeline.container.artifacts import Artifacts, StepArtifacts
from pipeline.container.uris import Mount, remote_text
from schema.errors import PenstockError

SECONDS = "seconds"
REPORT = "report.html"
log = logging.getLogger("penstock.container")


def make_folders(outputs: Artifacts) -> None:
    """Makes the folders of the outputs, as TFX's own launcher does: Kubeflow's makes only those above them."""
    local = {name: listed for name, listed in outputs.items() if not any("://" in artifact.uri for artifact in listed)}
    outputs_utils.make_output_dirs(local)


def stamp(outputs: Artifacts, seconds: float) -> None:
    """Writes on each output how long its step's executor ran, and TFX's version.

    Not on Metrics: Kubeflow shows whatever stands there as a number that the pipeline measured.
    """
    others = {name: listed for name, listed in outputs.items() if METRICS not in {one.TYPE_NAME for one in listed}}
    outputs_utils.tag_output_artifacts_with_version(others)
    for listed in others.values():
        for artifact in listed:
            artifact.set_float_custom_property(SECONDS, seconds)


def pages_to_files(outputs: Artifacts) -> None:
    """Makes each HTML artifact the file that its executor wrote into its folder.

    Kubeflow's and Vertex's consoles show the object at the artifact's address itself. The launcher uploads what lies at
    the local path, a file as one object (UploadBlob in backend/src/v2/objectstore/object_store.go).
    """
    for listed in outputs.values():
        for artifact in listed:
            if HTML == artifact.TYPE_NAME:
                _page_to_file(Path(artifact.uri))


def report(step: StepArtifacts, mount: Mount) -> Any:
    """Returns the ExecutorOutput that describes the outputs, with addresses in place of local paths."""
    said = pipeline_spec_pb2.ExecutorOutput()
    names = {0: ""} | step.names  # an output has no name yet, of which TFX would warn
    for name, listed in step.outputs.items():
        for artifact in listed:
            for value in artifact.mlmd_artifact.custom_properties.values():
                _as_kubeflow_stores(value, step.places)
            told = kubeflow_v2_entrypoint_utils.to_runtime_artifact(artifact, names)
            told.uri = step.places.get(artifact.uri) or mount.remote(artifact.uri)
            _drop_what_json_lacks(told.metadata)
            said.artifacts[name].artifacts.append(told)
    return said


def output_parameters(outputs: Artifacts, declared: Any) -> dict[str, Any]:
    """Returns the values of the declared output parameters: each is a value artifact of the same name.

    Raises:
      PenstockError: there is no such artifact, or it is no text, number or truth value.
    """
    return {name: _value(name, outputs) for name in declared}


def write(said: Any, path: str) -> None:
    """Writes an ExecutorOutput where the backend reads it."""
    write_text(json_format.MessageToJson(said, sort_keys=True), path)


def write_text(text: str, path: str) -> None:
    """Writes a text file, and the folders above it."""
    fileio.makedirs(os.path.dirname(path))  # noqa: PTH120  # it may be an address
    with fileio.open(path, "w") as file:
        file.write(text)


def _page_to_file(folder: Path) -> None:
    page = folder / REPORT
    if not page.is_file():
        log.warning("%s: there is no such file, so the page cannot be shown", page)
        return
    aside = folder.with_name(f"{folder.name}.{REPORT}")
    page.rename(aside)
    shutil.rmtree(folder)
    aside.rename(folder)


def _as_kubeflow_stores(value: Any, places: dict[str, str]) -> None:
    """Maps a custom property's local path; makes a truth value a number, as Kubeflow would: TFX cannot send one."""
    kind = value.WhichOneof("value")
    if kind == "bool_value":
        value.int_value = int(value.bool_value)
    elif kind == "string_value":
        value.string_value = remote_text(value.string_value, places)


def _drop_what_json_lacks(metadata: Any) -> None:
    """Leaves out nulls, which Kubeflow's store refuses; numbers such as NaN go, or within a struct become null."""
    for value in metadata.fields.values():
        _finite(value)
    for name in [name for name, value in metadata.fields.items() if value.WhichOneof("kind") == "null_value"]:
        del metadata.fields[name]


def _finite(value: Any) -> None:
    kind = value.WhichOneof("kind")
    if kind == "number_value" and not math.isfinite(value.number_value):
        value.null_value = 0
    for inner in value.list_value.values if kind == "list_value" else ():
        _finite(inner)
    for inner in value.struct_value.fields.values() if kind == "struct_value" else ():
        _finite(inner)


def _value(name: str, outputs: Artifacts) -> Any:
    artifact = artifact_utils.get_single_instance(outputs.get(name) or [None])
    kinds = (
        standard_artifacts.String,
        standard_artifacts.Boolean,
        standard_artifacts.Integer,
        standard_artifacts.Float,
    )
    if not isinstance(artifact, value_artifact.ValueArtifact) or not isinstance(artifact, kinds):
        raise PenstockError(
            f"Output parameter {name!r}: the component has no output of that name that is a String, Boolean, Integer "
            "or Float. Compile the pipeline again with the component that this image holds."
        )
    return artifact.read()
