"""The message that a step is started with: kfp's ExecutorInput, as Kubeflow's driver or Vertex AI makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.spec.given import Inputs
from pipeline.spec.graph import Leaf
from pipeline.spec.loading import Flavour, Spec
from pipeline.spec.places import Place
from pipeline.spec.platform import rewrite
from pipeline.spec.store import Artifact
from pipeline.spec.values import python_of

LOGS = "executor-logs"
PUBLISH_LOGS = "PUBLISH_LOGS"
KUBEFLOW_ROOT = "minio://mlpipeline/v2/artifacts"
VERTEX_ROOT = "gs://pipeline-root"


@dataclass(frozen=True)
class Outputs:
    """What an execution of a step is to make: artifacts at addresses of their own, and parameters."""

    execution: int
    uri: str
    artifacts: Mapping[str, Artifact]
    parameters: tuple[str, ...]


def root_of(spec: Spec, run_id: str) -> str:
    """Returns the address under which a run's artifacts lie."""
    if spec.flavour is Flavour.KUBEFLOW:
        return f"{(spec.root or KUBEFLOW_ROOT).partition('?')[0].rstrip('/')}/{spec.name}/{run_id}"
    return f"{(spec.root or VERTEX_ROOT).rstrip('/')}/{run_id}"


def provision(leaf: Leaf, flavour: Flavour, root: str, execution: int) -> Outputs:
    """Returns where a step's outputs go; under Kubeflow its log is one of them, as stock installations have it.

    There the API server's environment says PUBLISH_LOGS: "true"; here the container's own environment may say "false".
    """
    between = "/" if flavour is Flavour.KUBEFLOW else "_"
    uri = f"{root}/{leaf.path[-1]}{between}{execution}"
    declared = leaf.component.output_definitions
    artifacts = {
        name: Artifact(f"{uri}/{name}", python_of(one.artifact_type), python_of(one.metadata))
        for name, one in declared.artifacts.items()
    }
    if flavour is Flavour.KUBEFLOW and _publishes_logs(leaf):
        artifacts[LOGS] = Artifact(f"{uri}/{LOGS}", {"schemaTitle": "system.Artifact"})
    return Outputs(execution, uri, artifacts, tuple(sorted(declared.parameters)))


def _publishes_logs(leaf: Leaf) -> bool:
    said = [one.value for one in leaf.executor.container.env if one.name == PUBLISH_LOGS]
    return said[-1:] in ([], ["true"])


def executor_input(leaf: Leaf, flavour: Flavour, inputs: Inputs, outputs: Outputs, place: Place) -> dict[str, Any]:
    """Returns the ExecutorInput as JSON-like values, with every path as the step sees it.

    Kubeflow's launcher adds the component's defaults for parameters that were not given; its driver leaves the type of
    input artifacts empty.
    """
    is_typed = flavour is Flavour.VERTEX
    parameters = {
        name: python_of(one.default_value)
        for name, one in leaf.component.input_definitions.parameters.items()
        if one.HasField("default_value")
    } | inputs.parameters
    return {
        "inputs": {
            "parameterValues": rewrite(parameters, place.mounts),
            "artifacts": {
                name: {"artifacts": [_input_artifact(one, place, is_typed=is_typed) for one in artifacts]}
                for name, artifacts in inputs.artifacts.items()
            },
        },
        "outputs": {
            "artifacts": {
                name: {
                    "artifacts": [{"uri": place.told(one.uri), "type": dict(one.type), "metadata": dict(one.metadata)}]
                }
                for name, one in outputs.artifacts.items()
            },
            "parameters": {
                name: {"outputFile": place.told(str(place.parameter_file(name)))} for name in outputs.parameters
            },
            "outputFile": place.told(str(place.output_file)),
        },
    }


def _input_artifact(artifact: Artifact, place: Place, *, is_typed: bool) -> dict[str, Any]:
    return {
        "name": str(artifact.id),
        "uri": place.told(artifact.uri),
        "type": dict(artifact.type) if is_typed else {"instanceSchema": ""},
        "metadata": dict(artifact.metadata),
    }
