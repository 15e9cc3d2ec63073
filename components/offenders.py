"""The rows behind an anomaly: TFDV says what is wrong with a feature, and not in which rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import tensorflow as tf

from schema.column import Column
from schema.errors import RowRefused

ROWS_LOOKED_AT = 200_000
SHOWN = 160  # characters of a row


def offending_rows(files: Iterable[str], column: Column, most: int) -> list[str]:
    """Returns the first rows of gzipped TFRecords whose value a column does not allow, each as JSON, cut short.

    The column's own value comes first. Of a large split only the first rows are looked at.
    """
    records = tf.data.TFRecordDataset(sorted(files), "GZIP").take(ROWS_LOOKED_AT).as_numpy_iterator()
    return list(islice(_offending(records, column), most))


def _offending(records: Iterable[bytes], column: Column) -> Iterator[str]:
    for record in records:
        features = tf.train.Example.FromString(record).features.feature
        value = _value(features[column.name])
        try:
            column.check(value)
        except RowRefused:
            yield _shown({column.name: value} | {name: _value(features[name]) for name in sorted(features)})


def _value(feature: tf.train.Feature) -> Any:
    kind = feature.WhichOneof("kind")
    values = getattr(feature, kind).value if kind else ()
    value = values[0] if values else None
    if isinstance(value, float):
        return float(f"{value:.7g}")  # as short as a float32 can be told
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _shown(row: dict[str, Any]) -> str:
    text = json.dumps({name: value for name, value in row.items() if value is not None}, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
