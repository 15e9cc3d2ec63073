"""Parquet, by Arrow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as arrow_parquet

from components.rows import Batch
from components.source_options import SourceOptions
from schema.errors import DataAnomaly


def read(file: str, options: SourceOptions) -> Iterator[Batch]:
    """Yields the rows; `numbers` counts them, from 1.

    Raises:
      DataAnomaly: it is no Parquet file, or a corrupt one.
    """
    del options
    first = 1
    try:
        for batch in arrow_parquet.ParquetFile(file).iter_batches():
            yield Batch(batch, np.arange(first, first + batch.num_rows))
            first += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise DataAnomaly(_explain(file, error)) from None


def columns(file: str, options: SourceOptions) -> list[str]:
    """Returns the names of its columns.

    Raises:
      DataAnomaly: it is no Parquet file, or has no columns.
    """
    del options
    try:
        names: list[str] = arrow_parquet.read_schema(file).names
    except pa.ArrowInvalid as error:
        raise DataAnomaly(_explain(file, error)) from None
    if not names:
        raise DataAnomaly(f"{file}: has no columns. Write the table again.")
    return names


def _explain(file: str, error: Exception) -> str:
    return f"{file}: cannot be read as Parquet: {str(error).strip().splitlines()[0].rstrip('.')}."
