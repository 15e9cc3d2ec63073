"""TFRecords of serialised tf.Examples, gzipped or not: they go to the splits as they are."""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.columns import hash_values
from components.rows import BadRow, Rows
from components.source_options import SourceOptions
from schema.errors import DataAnomaly

RECORDS_A_BATCH = 4096
FRAME = 16  # bytes around each record: its length and two checksums
GZIP_END = 4  # bytes
BLOCK = 1 << 20


def read(file: str, options: SourceOptions) -> Iterator[Rows]:
    """Yields the records; those that are no tf.Example, or lack a required feature, are bad rows, counted from 1.

    Raises:
      DataAnomaly: the file is corrupt; how many records come before is said.
    """
    import tensorflow as tf

    first, size = 1, 0
    try:
        for batch in _records(file).batch(RECORDS_A_BATCH).as_numpy_iterator():
            yield _rows(batch, first, options)
            first += len(batch)
            size += sum(map(len, batch)) + FRAME * len(batch)
        if file.endswith(".gz"):
            _check_end(file, size)
    except (tf.errors.DataLossError, EOFError, zlib.error):
        whole = _whole_records(_records(file))
        raise DataAnomaly(f"{file}: is corrupt after record {whole}. Restore the file, or write it again.") from None


def _check_end(file: str, size: int) -> None:
    """Holds the end of a gzipped file against the bytes that were read: TensorFlow takes what is cut off for the end.

    A gzip member closes with its size modulo 2^32 (RFC 1952). Where that is another, as in a file of several members,
    the whole file is inflated once more, which raises EOFError or zlib.error where it is cut off.
    """
    if Path(file).stat().st_size < GZIP_END:
        raise EOFError
    with Path(file).open("rb") as content:
        content.seek(-GZIP_END, os.SEEK_END)
        stated = int.from_bytes(content.read(), "little")
    if stated != size % (1 << 32):
        with gzip.open(file) as whole:
            while whole.read(BLOCK):
                pass


def _records(file: str) -> Any:
    import tensorflow as tf

    return tf.data.TFRecordDataset(file, "GZIP" if file.endswith(".gz") else "")


def _rows(records: Sequence[bytes], first: int, options: SourceOptions) -> Rows:
    reasons = [""] * len(records) if _are_whole(records, options) else [_reason(one, options) for one in records]
    good = [record for record, reason in zip(records, reasons, strict=True) if not reason]
    bad = [
        BadRow(first + index, reason, base64.b64encode(records[index]).decode())
        for index, reason in enumerate(reasons)
        if reason
    ]
    hashes = hash_values(np.asarray(good, dtype=object), options.seed)
    return Rows(pa.array(good, pa.large_binary()), hashes, tuple(bad), len(records))


def _are_whole(records: Sequence[bytes], options: SourceOptions) -> bool:
    """Whether all are tf.Examples with all that is required: quick, and sure of a yes only."""
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    try:
        columns: pa.RecordBatch = ExamplesToRecordBatchDecoder().DecodeBatch(list(records))
    except (RuntimeError, ValueError):
        return False
    return all(
        name in columns.schema.names
        and not pa.types.is_null(columns.column(name).type)
        and pc.all(pc.greater(pc.list_value_length(columns.column(name)).fill_null(0), 0)).as_py()
        for name in options.required
    )


def _reason(record: bytes, options: SourceOptions) -> str:
    """Why a record cannot be used; "" where it can."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        return "is no tf.Example"
    lacking = [name for name in options.required if name not in features or not _has_value(features[name])]
    return f"{lacking[0]!r} has no value, and the label needs one" if lacking else ""


def _has_value(feature: Any) -> bool:
    kind = feature.WhichOneof("kind")
    return bool(kind and getattr(feature, kind).value)


def _whole_records(records: Any) -> int:
    """How many records of a tf.data.Dataset can be read before the first that cannot."""
    whole = 0
    with suppress(Exception):  # it is known to be corrupt, and that is what is counted up to
        for _ in records:
            whole += 1
    return whole
