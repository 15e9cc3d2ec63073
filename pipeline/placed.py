"""The DAG with all that it keeps in one folder of this machine, and what a run there came to, whoever ran it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.workdir import Workdir
from schema.errors import PenstockError

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.summary import Summary


def dag_in(place: Workdir, config: Config) -> Pipeline:
    """Returns the DAG whose artifacts, metadata, pushed and blessed models lie in `place`.

    Raises:
      UsageError: the configuration does not fit the schema or the user's functions, or its runner is none.
    """
    from pipeline.dag import create_pipeline
    from pipeline.metadata import connection_config
    from pipeline.options import check_user_code
    from pipeline.runners import beam_args

    check_user_code(config)
    return create_pipeline(
        config,
        str(place.root),
        str(place.serving(config.model_name)),
        str(place.blessed),
        connection_config(config.metadata, place),
        beam_args(config),
    )


def summary_in(place: Workdir, config: Config, run_id: str) -> Summary:
    """Returns what a run came to, read from the metadata store, and puts its report where that of the latest run is.

    Raises:
      PenstockError: the store does not answer, or does not know the run.
    """
    from components.report.parts import parts_of_steps
    from pipeline.lineage import Lineage
    from pipeline.metadata import connection_config
    from pipeline.report import publish_report
    from pipeline.summary import outputs_of, summarize

    lineage = Lineage(connection_config(config.metadata, place), config.name)
    record = lineage.run(run_id)
    if record is None:
        raise PenstockError(f"The run {run_id} left no trace in the metadata store.")
    parts = parts_of_steps(outputs_of(lineage, record))
    return publish_report(summarize(lineage, record, config), parts, place, None)


def check_pushed(summary: Summary) -> None:
    """Holds a run that went through against what it was for.

    Raises:
      ModelNotBlessed: it pushed nothing; the message says why.
    """
    if summary.refusal:
        raise summary.refusal
