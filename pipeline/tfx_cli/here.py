"""TFX's runners on this machine, as `tfx run create --engine=local` and `--engine=beam` use them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from apache_beam.options.pipeline_options import StandardOptions
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable.runtime_parameter_utils import substitute_runtime_parameter
from tfx.orchestration.portable.tfx_runner import IrBasedRunner

from pipeline.compiled import NEVER_CACHED
from pipeline.display import console_for, show_summary
from pipeline.lineage import Lineage
from pipeline.lock import hold
from pipeline.metadata import connection_config
from pipeline.placed import check_pushed, summary_in
from pipeline.summary import Summary
from pipeline.tfx_cli.plan import Plan
from pipeline.workdir import new_run_id

# Beam's own default would fetch Prism, a runner in Go.
IN_PROCESS = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
CURATED, INFERRED = "ImportSchemaGen", "SchemaGen"


class _OneRun(IrBasedRunner):
    """What a run by one of TFX's runners has in common with `penstock run`: lock, id, cache rules, what it tells.

    The tfx CLI replaces `run` of TFX's class; `run_with_ir` is called in a real run only.
    """

    def __new__(cls, plan: Plan) -> Self:
        """Keeps the plan from BeamDagRunner, which would take it for arguments of its own."""
        del plan
        return object.__new__(cls)

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def run_with_ir(self, pipeline: Any, run_options: Any = None, **unused: Any) -> None:
        """Runs the DAG, and prints what it came to.

        Raises:
          PipelineBusy: another process runs it.
          PenstockError: a step failed, or a gate said no.
        """
        del unused
        run_id = new_run_id()
        _prepare(pipeline, run_id)
        with hold(self._plan.place.lock):
            lineage = Lineage(connection_config(self._plan.config.metadata, self._plan.place), self._plan.config.name)
            lineage.end_interrupted()
            super().run_with_ir(pipeline, run_options)
            summary = summary_in(self._plan.place, self._plan.config, run_id)
        _link_schema(self._plan)
        _tell(self._plan, summary)


class LocalRunner(_OneRun, LocalDagRunner):
    """TFX's LocalDagRunner: one step after the other, in this process."""


class BeamRunner(_OneRun, BeamDagRunner):
    """TFX's BeamDagRunner: the DAG as a Beam pipeline, in this process."""

    def run_with_ir(self, pipeline: Any, run_options: Any = None, **unused: Any) -> None:
        """Runs the DAG as LocalRunner does."""
        with _beam_in_process():
            super().run_with_ir(pipeline, run_options, **unused)


@contextmanager
def _beam_in_process() -> Iterator[None]:
    """BeamDagRunner gives its pipeline no options, so that what is named nowhere is named here."""
    default, StandardOptions.DEFAULT_RUNNER = StandardOptions.DEFAULT_RUNNER, IN_PROCESS
    try:
        yield
    finally:
        StandardOptions.DEFAULT_RUNNER = default


def _prepare(pipeline: Any, run_id: str) -> None:
    substitute_runtime_parameter(pipeline, {"pipeline-run-id": run_id})
    for node in pipeline.nodes:
        if node.pipeline_node.node_info.id in NEVER_CACHED:
            node.pipeline_node.execution_options.caching_options.enable_cache = False


def _link_schema(plan: Plan) -> None:
    """Lets `tfx pipeline schema` find a curated schema, which it looks for as SchemaGen's."""
    curated, looked_for = plan.place.root / CURATED, plan.place.root / INFERRED
    if curated.exists() and not looked_for.exists():
        looked_for.symlink_to(curated.name)


def _tell(plan: Plan, summary: Summary) -> None:
    named = " ".join(map(str, (*plan.files, "--workdir", plan.place.path.parent)))
    show_summary(console_for(sys.stdout), summary, named)
    check_pushed(summary)
