"""What a caller has as rows - dicts, a pandas frame, Arrow - as rows of plain values."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from schema.errors import UsageError
from serving.rows import NoRow, Row

AT_ONCE = 1024  # rows of a frame or table that are made dicts of
PLAIN = frozenset({str, int, float, bool, type(None), list, dict})
MISSING = frozenset({"NAType", "NaTType"})  # pandas' pd.NA and pd.NaT


def rows_of(rows: Any) -> Iterator[Row | NoRow]:
    """Returns the rows of an iterable of mappings, a pandas frame, or a pyarrow Table or RecordBatch, as needed.

    numpy's and Arrow's values become Python's; dates and times seconds since 1970, UTC where they name no zone, as the
    training data's readers have them; bytes text, where they are UTF-8.

    Raises:
      UsageError: it is none of these.
    """
    if isinstance(rows, pa.Table | pa.RecordBatch):
        return map(_plain_row, _of_table(rows))
    if _is_frame(rows):
        return map(_plain_row, _of_frame(rows))
    if isinstance(rows, Mapping | str | bytes) or not isinstance(rows, Iterable):
        raise UsageError(
            f"Rows are given as {type(rows).__name__}. Legal: an iterable of dicts, one for each row ([row], if it is "
            "one), a pandas DataFrame, a pyarrow Table or RecordBatch."
        )
    return map(_plain_row, rows)


def _of_table(table: Any) -> Iterator[Row]:
    parts = table.to_batches(max_chunksize=AT_ONCE) if isinstance(table, pa.Table) else [table]
    for part in parts:
        for start in range(0, part.num_rows, AT_ONCE):
            yield from part.slice(start, AT_ONCE).to_pylist()


def _is_frame(rows: Any) -> bool:
    pandas = sys.modules.get("pandas")  # where it is not imported, nobody has a frame
    return pandas is not None and isinstance(rows, pandas.DataFrame)


def _of_frame(frame: Any) -> Iterator[Row]:
    named = frame.rename(columns=str)
    for start in range(0, len(named), AT_ONCE):
        yield from named.iloc[start : start + AT_ONCE].to_dict("records")


def _plain_row(row: Any) -> Row | NoRow:
    if isinstance(row, NoRow):
        return row
    if not isinstance(row, Mapping):
        return NoRow(f"{type(row).__name__}, where a row is a mapping of column to value")
    if PLAIN.issuperset(map(type, row.values())):
        return row
    return {name: value if type(value) in PLAIN else _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:  # noqa: PLR0911  # one for each kind of value
    if type(value).__name__ in MISSING:
        return None
    match value:
        case np.datetime64():
            return None if np.isnat(value) else int(value.astype("datetime64[s]").astype(np.int64))
        case np.generic():
            return value.item()
        case np.ndarray():
            return value.tolist()
        case datetime():
            return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
        case date():
            return int(datetime.combine(value, time(), UTC).timestamp())
        case time():
            return value.isoformat()
        case Decimal():
            return float(value)
        case bytes():
            return _text(value)
        case _:
            return value


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
