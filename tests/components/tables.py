"""Small tables as serialised tf.Examples and back, and the files that hold them."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import tensorflow as tf
from hypothesis import settings

from components.columns import canonical
from components.records.encoding import encode

Cell = bytes | int | float | None
Columns = Mapping[str, Sequence[Any]]
REAL_TIME = settings(deadline=None, max_examples=50, database=None)


def to_examples(columns: Columns) -> list[bytes]:
    """Returns the rows of a table as ExampleGen keeps them."""
    examples: list[bytes] = encode(canonical(pa.RecordBatch.from_pydict(dict(columns)))).to_pylist()
    return examples


def to_row(example: bytes) -> dict[str, Cell]:
    """Returns the first value of each feature of a serialised tf.Example; None where it has none."""
    features = tf.train.Example.FromString(example).features.feature
    return {name: _first_value(features[name]) for name in sorted(features)}


def to_rows(examples: Iterable[bytes]) -> list[dict[str, Cell]]:
    """Returns `to_row` of each."""
    return [to_row(example) for example in examples]


def write_records(path: Path, records: Iterable[bytes], compression: str = "GZIP") -> Path:
    """Writes a TFRecord and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return path


def read_records(pattern: Path) -> list[bytes]:
    """Returns the records of all gzipped TFRecords that match a glob."""
    return list(tf.data.TFRecordDataset(sorted(glob.glob(str(pattern))), "GZIP").as_numpy_iterator())


def _first_value(feature: tf.train.Feature) -> Cell:
    kind = feature.WhichOneof("kind")
    values = getattr(feature, kind).value if kind else ()
    return next(iter(values), None)
