"""What is checked before TensorFlow and TFX are imported: the configuration, held against the files that it names."""

from __future__ import annotations

from pipeline.config import Config
from pipeline.runners import check_here
from pipeline.schemas import column_types
from pipeline.sources import check_source


def check_files(config: Config) -> None:
    """Holds a configuration against its data files and its schema.

    Raises:
      UsageError: a file does not exist, a column that is named does not, or the runner lacks something here.
      DataAnomaly: the data has no names of columns.
    """
    check_here(config)
    check_source(config)
    column_types(config)
