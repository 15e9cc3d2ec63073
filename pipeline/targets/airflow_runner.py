"""What a DAG file calls; imported in Airflow's environment only, since .venv has no Airflow.

AirflowDagRunner makes the DAG. What its tasks then call is not its launcher, the older of TFX's two: that names
artifacts by their key alone, so that two steps with an output `model` cannot both run, and knows none of the records by
which `penstock runs` finds a run. They call the launcher that `penstock run` calls.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from airflow.exceptions import AirflowFailException
from tfx.orchestration.airflow.airflow_dag_runner import AirflowDagRunner, AirflowPipelineConfig
from tfx.orchestration.pipeline import Pipeline

from components.files import connect, is_remote
from pipeline.compiled import Compiled
from pipeline.config import Config
from pipeline.lineage import Lineage
from pipeline.metadata import connection_config
from pipeline.placed import check_pushed, dag_in, summary_in
from pipeline.steps import State
from pipeline.targets.airflow_options import dag_options, step_options
from pipeline.workdir import Workdir, workdir_of
from schema.errors import GateRefusal


def pipeline_of(config: Config) -> Pipeline:
    """Returns the DAG that keeps its files under `airflow.workdir`, as a local run does under --workdir."""
    return dag_in(_place_of(config), config)


class AirflowRunner(AirflowDagRunner):
    """TFX's runner for Airflow, with the settings of single steps and the launcher of `penstock run`."""

    def __init__(self, config: Config) -> None:
        super().__init__(AirflowPipelineConfig(dag_options(config)))
        self._settings = config

    def run(self, tfx_pipeline: Pipeline) -> Any:
        """Returns the DAG, an airflow.models.DAG."""
        dag = super().run(tfx_pipeline)
        for task in dag.tasks:
            task.python_callable = partial(_launch, tfx_pipeline, self._settings, task.task_id)
            task.op_kwargs = {}  # the properties, in which Airflow would look for its own {{ }}
            for option, value in step_options(self._settings, task.task_id).items():
                setattr(task, option, value)
        return dag


def _launch(pipeline: Pipeline, config: Config, step: str, *, run_id: str, **context: Any) -> None:
    """Runs a step; where a gate says no, trying again would not help.

    Raises:
      AirflowFailException: a gate said no.
    """
    del context
    place = _place_of(config)
    place.path.mkdir(parents=True, exist_ok=True)  # this worker may be the first to need it
    if is_remote(config.data.path):
        connect(config.runner.beam_args)
    compiled = Compiled(pipeline, run_id)
    connection = connection_config(config.metadata, place)
    try:
        compiled.launcher(step, connection).launch()
        _stamp(Lineage(connection, config.name), run_id, step)
        if step == compiled.steps[-1].name:
            check_pushed(summary_in(place, config, run_id))
    except GateRefusal as refusal:
        raise AirflowFailException(str(refusal)) from refusal


def _stamp(lineage: Lineage, run_id: str, step: str) -> None:
    """Tells the report how long a step took."""
    done = lineage.step(run_id, step)
    if done and done.state is State.DONE:
        lineage.stamp_seconds(done)


def _place_of(config: Config) -> Workdir:
    assert config.airflow.workdir is not None  # `penstock compile` writes it
    return workdir_of(config.name, Path(config.airflow.workdir))
