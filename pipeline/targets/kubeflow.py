"""The DAG for open-source Kubeflow Pipelines: IR YAML, and behind it what only Kubernetes understands."""

from __future__ import annotations

import yaml
from tfx.orchestration.pipeline import Pipeline

from pipeline.config import Config
from pipeline.targets import drivers, parameters, platform, resources
from pipeline.targets.intermediate import drivers_of, spec_of


def render(dag: Pipeline, config: Config) -> str:
    """Returns the spec as YAML: the pipeline, and a second document where a step needs what the first cannot say.

    Raises:
      UsageError: the configuration has settings of a step that there is not.
    """
    spec = spec_of(dag, config.image or "")
    parameters.lift(spec)  # first: a driver's task has its step's inputs, and so the same parameters
    parameters.pack_long(spec)
    drivers.as_tasks(spec, drivers_of(dag))
    settings = resources.settings_by_task(config.steps, list(spec["root"]["dag"]["tasks"]))
    resources.apply(spec, settings, by_resource_name=True)
    if config.kubeflow.root:
        spec["defaultPipelineRoot"] = config.kubeflow.root
    by_executor = {
        spec["components"][drivers.component_of(spec, task)]["executorLabel"]: wanted
        for task, wanted in settings.items()
    }
    documents = [spec, platform.document(by_executor)]
    return yaml.safe_dump_all([document for document in documents if document], sort_keys=True, width=10_000)
