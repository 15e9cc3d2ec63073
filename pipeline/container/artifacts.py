"""A step's artifacts: from what the backend says of them to TFX's objects, with local paths in place of addresses."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils

from pipeline.container.artifact_types import class_path, title_of
from pipeline.container.invocation import Invocation, class_at
from pipeline.container.uris import Mount

LOGS = "executor-logs"  # Kubeflow's driver adds it as an output where PUBLISH_LOGS is "true"
STORED_URI = "stored_uri"  # an input's custom property: its address, which is the same in every pod
_WRAPPERS = {"struct": "struct_value", "list": "list_value"}
Artifacts = dict[str, list[Any]]
log = logging.getLogger("penstock.container")


@dataclass(frozen=True)
class StepArtifacts:
    """What a step reads and writes.

    Attributes:
      inputs: TFX's artifacts by name; where an address was mapped, `uri` is the local path, and the address itself is
        the custom property `stored_uri`.
      outputs: those that it is to write.
      names: by TFX's integer id, the name under which the backend knows an artifact.
      places: addresses by local path.
    """

    inputs: Artifacts
    outputs: Artifacts
    names: dict[int, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def artifacts_of(invocation: Invocation, mount: Mount) -> StepArtifacts:
    """Returns the artifacts of a step. An output that its component did not declare is left out.

    Raises:
      UsageError: a type's class is not in this image.
    """
    step = StepArtifacts({}, {})
    declared = invocation.inputs_spec.artifacts if invocation.inputs_spec else {}
    for name, listed in invocation.inputs.artifacts.items():
        schema = declared[name].artifact_type if name in declared else None
        step.inputs.update(_parsed(name, listed, schema, mount, step))
    for artifact in _each(step.inputs):
        if artifact.uri in step.places:
            artifact.set_string_custom_property(STORED_URI, step.places[artifact.uri])
    for name, listed in invocation.outputs.artifacts.items():
        if name != LOGS:
            step.outputs.update(_parsed(name, listed, None, mount, step))
    return step


def _parsed(name: str, listed: Any, schema: Any, mount: Mount, step: StepArtifacts) -> Artifacts:
    """Returns one entry of a step's artifacts, or nothing where no class stands for its type."""
    copies = [_localised(given, schema, mount, step) for given in listed.artifacts]
    if not all(copy.type.schema_title for copy in copies):
        log.warning("%s: left out, since it has a type that no component of ours declares", name)
        return {}
    ready = {name: pipeline_spec_pb2.ArtifactList(artifacts=copies)}
    parsed: Artifacts = kubeflow_v2_entrypoint_utils.parse_raw_artifact_dict(ready, step.names)
    return parsed


def _localised(given: Any, schema: Any, mount: Mount, step: StepArtifacts) -> Any:
    """Returns a copy that TFX can parse: the class's path as the title, the local path, plain metadata."""
    copy = pipeline_spec_pb2.RuntimeArtifact()
    copy.CopyFrom(given)
    path = class_path(title_of(schema or given.type))
    copy.type.Clear()
    if path:
        class_at(path)
        copy.type.schema_title = path
    copy.uri = mount.local(given.uri)
    if copy.uri != given.uri:
        step.places[copy.uri] = given.uri
    for value in copy.metadata.fields.values():
        _unwrap(value)
    return copy


def _unwrap(value: Any) -> None:
    """Takes off what Kubeflow's store puts around a list or a struct, and does not take off again.

    See structValueToMLMDValue and toRuntimeArtifact in backend/src/v2/metadata/converter.go.
    """
    fields = value.struct_value.fields if value.WhichOneof("kind") == "struct_value" else {}
    for key, kind in _WRAPPERS.items():
        if list(fields) == [key] and fields[key].WhichOneof("kind") == kind:
            inner = type(value)()
            inner.CopyFrom(fields[key])
            value.CopyFrom(inner)
            return


def _each(artifacts: Artifacts) -> Iterator[Any]:
    for listed in artifacts.values():
        yield from listed
