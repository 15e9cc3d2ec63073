"""TFX's runner for Vertex AI, as `tfx pipeline create --engine=vertex` uses it; it writes what `compile` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline

from pipeline.schemas import read_schema
from pipeline.targets import dag_refusals
from pipeline.targets.elsewhere import dag
from pipeline.targets.intermediate import COMMAND
from pipeline.targets.refusals import check
from pipeline.targets.vertex import render
from pipeline.tfx_cli.plan import Plan

# What `tfx pipeline schema` reads, and `create` does not write for this engine; and where it looks below the root.
ARGUMENTS = "pipeline_args.json"
CURATED = Path("curated", "SchemaGen", "schema", "1", "schema.pbtxt")


class VertexRunner(KubeflowV2DagRunner):
    """TFX's KubeflowV2DagRunner, which the tfx CLI tells the folder and, if it built one, the image."""

    def __init__(self, plan: Plan) -> None:
        """Takes the pipeline that is to run.

        Raises:
          UsageError: Vertex cannot run it; the message says why, and the way out.
        """
        check(plan.config, "vertex")
        wanted = KubeflowV2DagRunnerConfig(
            default_image=plan.config.image, default_commands=COMMAND, use_pipeline_spec_2_1=True
        )
        super().__init__(wanted)
        self._plan, self._here = plan, self._output_dir

    def pipeline(self) -> Pipeline:
        """Returns the DAG as it is on Vertex.

        Raises:
          UsageError: the DAG has something that Vertex cannot run.
        """
        built = dag(self._plan.config, self._plan.config.vertex.place)
        dag_refusals.check(built, "vertex")
        return built

    def run(self, pipeline: Pipeline, parameter_values: Any = None, *, write_out: bool = True) -> dict[str, Any]:
        """Writes the PipelineJob, and returns it; the CLI replaces TFX's `run`, which is called once."""
        super().run(pipeline, parameter_values, write_out=False)
        text = render(pipeline, self._plan.config.model_copy(update={"image": self.config.default_image}))
        if write_out:
            folder = Path(self._output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / self._output_filename).write_text(text, encoding="utf-8")
            if self._output_dir != self._here:
                self._write_arguments(folder)
        job: dict[str, Any] = json.loads(text)
        return job

    def _write_arguments(self, folder: Path) -> None:
        """Lets `tfx pipeline schema` find a curated schema; an inferred one lies where it does not look."""
        curated, root = self._plan.config.schema_.path, self._plan.config.vertex.root
        if curated:
            root = str(folder / CURATED.parts[0])
            (folder / CURATED).parent.mkdir(parents=True)
            (folder / CURATED).write_text(text_format.MessageToString(read_schema(curated)), encoding="utf-8")
        arguments = {"pipeline_name": self._plan.config.name, "pipeline_root": root}
        (folder / ARGUMENTS).write_text(json.dumps(arguments), encoding="utf-8")
