"""From TFX's DAG to the pipeline spec of Kubeflow Pipelines and Vertex AI, as far as both are alike.

TFX's own builder writes it, for schema 2.1.0; what it gets wrong or leaves out is mended here: the command of each
step is our container entry point, which open-source Kubeflow needs; types of the user interface's own are named as it
knows them; steps that must never be answered from a cache are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from google.protobuf import json_format
from tfx import version
from tfx.dsl.components.base import base_driver
from tfx.orchestration.kubeflow.v2.pipeline_builder import PipelineBuilder
from tfx.orchestration.pipeline import Pipeline

from pipeline.compiled import NEVER_CACHED
from pipeline.targets.parameters import Spec

COMMAND = ["python", "-m", "pipeline.container"]
SCHEMA_VERSION = "2.1.0"
OURS, SYSTEM = "penstock.", "system."
OF_THE_USER_INTERFACE = ("HTML", "Metrics", "ClassificationMetrics", "SlicedClassificationMetrics")


def spec_of(dag: Pipeline, image: str) -> Spec:
    """Returns the spec of a DAG whose steps run in `image`, as JSON-like values."""
    built = PipelineBuilder(dag, default_image=image, default_commands=COMMAND, use_pipeline_spec_2_1=True).build()
    spec: Spec = json_format.MessageToDict(built)
    spec |= {"schemaVersion": SCHEMA_VERSION, "sdkVersion": f"tfx-{version.__version__}"}
    _name_executors(spec)
    for task, content in spec["root"]["dag"]["tasks"].items():
        content["taskInfo"] = {"name": task}
        if task in NEVER_CACHED:
            content["cachingOptions"] = {}
    for artifact in _artifact_types(spec):
        _name_as_the_user_interface_does(artifact)
    return spec


def drivers_of(dag: Pipeline) -> dict[str, str]:
    """Returns the driver's class, as a dotted path, of each step that has one of its own."""
    return {
        node.id: f"{node.driver_class.__module__}.{node.driver_class.__qualname__}"
        for node in dag.components
        if node.driver_class is not base_driver.BaseDriver
    }


def _name_executors(spec: Spec) -> None:
    """Names each executor as kfp's compiler does: TFX's own names have an underscore, which Kubernetes refuses."""
    executors = spec["deploymentSpec"]["executors"]
    for name, component in spec["components"].items():
        if "executorLabel" in component:
            label = f"exec-{name}"
            executors[label] = executors.pop(component["executorLabel"])
            component["executorLabel"] = label


def _artifact_types(spec: Spec) -> Iterator[dict[str, Any]]:
    for component in spec["components"].values():
        for side in ("inputDefinitions", "outputDefinitions"):
            for artifact in component.get(side, {}).get("artifacts", {}).values():
                yield artifact["artifactType"]


def _name_as_the_user_interface_does(kind: dict[str, Any]) -> None:
    schema = yaml.safe_load(kind["instanceSchema"]) if "instanceSchema" in kind else {}
    title = str(schema.get("title", ""))
    name = title.removeprefix(OURS)
    if title.startswith(OURS) and name in OF_THE_USER_INTERFACE:
        kind.clear()
        kind.update(schemaTitle=SYSTEM + name, schemaVersion="0.0.1")
