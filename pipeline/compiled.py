"""A pipeline compiled to TFX's intermediate representation, and what each of its steps needs to be launched."""

from __future__ import annotations

from typing import Any

from tfx.dsl.compiler.compiler import Compiler
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.orchestration.portable.launcher import Launcher
from tfx.proto.orchestration import pipeline_pb2

from pipeline.steps import Step

NEVER_CACHED = ("Pusher",)  # what it pushed may have been removed since; it pushes no model twice


class Compiled:
    """One run of a pipeline, ready to be launched step by step."""

    def __init__(self, pipeline: Pipeline, run_id: str) -> None:
        self._ir: pipeline_pb2.Pipeline = Compiler().compile(pipeline)
        runtime_parameter_utils.substitute_runtime_parameter(self._ir, {"pipeline-run-id": run_id})
        for node in self._ir.nodes:
            if node.pipeline_node.node_info.id in NEVER_CACHED:
                node.pipeline_node.execution_options.caching_options.enable_cache = False
        self._nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in self._ir.nodes}
        self._deployment = runner_utils.extract_local_deployment_config(self._ir)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, each after those that it needs."""
        return tuple(Step(name, tuple(node.upstream_nodes)) for name, node in self._nodes.items())

    def launcher(self, step: str, connection: Any, operators: dict[Any, Any] | None = None) -> Launcher:
        """Returns what runs a step: TFX's own launcher, with its driver, executor and publisher.

        Args:
          step: its name.
          connection: to the metadata store.
          operators: what runs the executor, by the type of its spec, where TFX's own operators do not.
        """
        return Launcher(
            pipeline_node=self._nodes[step],
            mlmd_connection=metadata.Metadata(connection),
            pipeline_info=self._ir.pipeline_info,
            pipeline_runtime_spec=self._ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(self._deployment, step),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(self._deployment, step),
            custom_executor_operators=operators,
        )
