"""TFRecords of serialised tf.Examples, gzipped or not: they go to the splits as they are."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from components.columns import hash_values
from components.rows import BadRow, Rows
from components.source_options import SourceOptions
from schema.errors import DataAnomaly

RECORDS_A_BATCH = 4096


def read(file: str, options: SourceOptions) -> Iterator[Rows]:
    """Yields the records; those that are no tf.Example, or lack a required feature, are bad rows, counted from 1.

    Raises:
      DataAnomaly: the file is corrupt; how many records come before is said.
    """
    import tensorflow as tf

    first = 1
    try:
        for batch in _records(file).batch(RECORDS_A_BATCH).as_numpy_iterator():
            reasons = [_reason(record, options) for record in batch]
            good = [record for record, reason in zip(batch, reasons, strict=True) if not reason]
            bad = [
                BadRow(first + index, reason, base64.b64encode(batch[index]).decode())
                for index, reason in enumerate(reasons)
                if reason
            ]
            yield Rows(good, hash_values(np.asarray(good, dtype=object), options.seed), tuple(bad))
            first += len(batch)
    except tf.errors.DataLossError:
        whole = _whole_records(_records(file))
        raise DataAnomaly(f"{file}: is corrupt after record {whole}. Restore the file, or write it again.") from None


def columns(file: str, options: SourceOptions) -> list[str]:
    """Returns no names: a TFRecord has none but those of its records."""
    del file, options
    return []


def _records(file: str) -> Any:
    import tensorflow as tf

    return tf.data.TFRecordDataset(file, "GZIP" if file.endswith(".gz") else "")


def _reason(record: bytes, options: SourceOptions) -> str:
    """Why a record cannot be used; "" where it can."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        return "is no tf.Example"
    lacking = [name for name in options.required if name not in features or not features[name].WhichOneof("kind")]
    return f"{lacking[0]!r} has no value, and the label needs one" if lacking else ""


def _whole_records(records: Any) -> int:
    """How many records of a tf.data.Dataset can be read before the first that cannot."""
    whole = 0
    with suppress(Exception):  # it is known to be corrupt, and that is what is counted up to
        for _ in records:
            whole += 1
    return whole
