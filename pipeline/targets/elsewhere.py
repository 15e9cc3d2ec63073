"""The DAG as it is where this machine's folders are not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.workdir import Workdir

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline


def dag(config: Config, workdir: str) -> Pipeline:
    """Returns the DAG whose steps keep what outlasts a run in `workdir`, a folder that all of them see.

    The platform keeps its own metadata store, so that the DAG is given none.

    Raises:
      UsageError: the configuration does not fit the schema or the user's functions, or its runner is none.
    """
    from ml_metadata.proto import metadata_store_pb2

    from pipeline.dag import create_pipeline
    from pipeline.options import check_user_code
    from pipeline.runners import beam_args

    check_user_code(config)
    place = Workdir(Path(workdir, config.name))
    return create_pipeline(
        config,
        str(place.root),
        str(place.serving(config.model_name)),
        str(place.blessed),
        metadata_store_pb2.ConnectionConfig(),
        beam_args(config),
    )
