"""The DAG for Vertex AI Pipelines: a PipelineJob as JSON."""

from __future__ import annotations

import json

from tfx import version
from tfx.orchestration.pipeline import Pipeline

from pipeline.config import Config
from pipeline.targets import drivers, parameters, resources
from pipeline.targets.intermediate import drivers_of, spec_of


def render(dag: Pipeline, config: Config) -> str:
    """Returns the PipelineJob as JSON.

    Raises:
      UsageError: the configuration has settings of a step that there is not.
    """
    spec = spec_of(dag, config.image or "")
    drivers.as_hooks(spec, drivers_of(dag))
    parameters.lift(spec)
    parameters.pack_long(spec)
    settings = resources.settings_by_task(config.steps, list(spec["root"]["dag"]["tasks"]))
    resources.apply(spec, settings, by_resource_name=False)
    job = {
        "displayName": config.name,
        "labels": {"tfx_version": version.__version__.replace(".", "-"), **config.vertex.labels},
        "pipelineSpec": spec,
        "runtimeConfig": {"gcsOutputDirectory": config.vertex.root},
    }
    return json.dumps(job, indent=2, sort_keys=True) + "\n"
