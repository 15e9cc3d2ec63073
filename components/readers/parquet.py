"""Parquet, by Arrow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as arrow_parquet

from components.files import is_remote, local_path
from components.ranges import Range
from components.rows import Batch
from components.source_options import SourceOptions
from schema.errors import DataAnomaly


def read(file: str, options: SourceOptions, part: Range | None = None) -> Iterator[Batch]:
    """Yields the rows; `numbers` counts them, from 1.

    Raises:
      DataAnomaly: it is no Parquet file, or a corrupt one.
    """
    del options
    first = 1
    try:
        for batch in arrow_parquet.ParquetFile(file).iter_batches(
            row_groups=list(range(part.start, part.stop)) if part else None
        ):
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


def cut(file: str, options: SourceOptions, size: int) -> list[Range]:
    """Returns parts of row groups, each of at least `size` bytes; none where it lies elsewhere, or is no Parquet."""
    del options
    try:
        content = arrow_parquet.read_metadata(local_path(file)) if not is_remote(file) else None
    except (pa.ArrowInvalid, OSError):
        return []  # which the reader explains
    if content is None:
        return []
    parts: list[Range] = []
    start = before = rows = weight = 0
    for group in range(content.num_row_groups):
        rows += content.row_group(group).num_rows
        weight += sum(content.row_group(group).column(at).total_compressed_size for at in range(content.num_columns))
        if weight >= size or group == content.num_row_groups - 1:
            parts.append(Range(start, group + 1, before=before))
            start, before, weight = group + 1, rows, 0
    return parts


def _explain(file: str, error: Exception) -> str:
    return f"{file}: cannot be read as Parquet: {str(error).strip().splitlines()[0].rstrip('.')}."
