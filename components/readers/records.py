"""Records (one mapping of column to value each) to batches of columns: for sources that have rows, not columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from components.rows import BadRow, Batch
from components.values import plain

RECORDS_A_BATCH = 8192
Record = Mapping[str, Any]
Numbered = tuple[int, Record]


def batches(records: Iterable[Numbered | BadRow]) -> Iterator[Batch]:
    """Yields numbered records, each with at least one value, as batches.

    A column that holds numbers in one row and texts in another becomes text: what the schema wants decides later.
    """
    rest = iter(records)
    while chunk := list(islice(rest, RECORDS_A_BATCH)):
        broken = tuple(one for one in chunk if isinstance(one, BadRow))
        whole = [one for one in chunk if not isinstance(one, BadRow)]
        names = dict.fromkeys(name for _, record in whole for name in record)
        arrays = [_column([record.get(name) for _, record in whole]) for name in names]
        numbers = np.array([number for number, _ in whole], np.int64)
        yield Batch(pa.RecordBatch.from_arrays(arrays, list(names)), numbers, broken)


def as_text(columns: pa.RecordBatch, index: int) -> str:
    """Returns one row of a batch as JSON."""
    row = {name: plain(column[index]) for name, column in zip(columns.schema.names, columns.columns, strict=True)}
    return json.dumps(row, default=str, ensure_ascii=False)


def _column(values: list[Any]) -> pa.Array:
    for simplify in (_as_it_is, _boolean_as_number):
        try:
            return pa.array([simplify(value) for value in values], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            continue
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _as_it_is(value: Any) -> Any:
    return value


def _boolean_as_number(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return json.dumps(value, default=str) if isinstance(value, (bool, dict, list)) else str(value)
