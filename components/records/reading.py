"""Gzipped TFRecords to batches of records, read by TensorFlow, a file by a worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tfx.dsl.io import fileio
from tfx.types import Artifact, artifact_utils

ROWS = 4096  # of a batch
Records = npt.NDArray[np.object_]


def files_of(examples: Sequence[Artifact], split: str) -> list[str]:
    """Returns the files of a split, in the order of their names."""
    uris = artifact_utils.get_split_uris(list(examples), split)
    return sorted(str(file) for uri in uris for file in fileio.glob(f"{uri}/*"))


def batches_of(files: Iterable[str], rows: int = ROWS) -> Iterator[Records]:
    """Yields the records of gzipped TFRecords, in their order, in arrays of shape [at most `rows`]."""
    import tensorflow as tf

    records = tf.data.TFRecordDataset(list(files), "GZIP").batch(rows).prefetch(1)
    yield from records.as_numpy_iterator()


class DecodeFiles(beam.DoFn):
    """Reads a file of tf.Examples; yields record batches with the columns of a schema, or of all that is there.

    Args:
      schema: a serialised Schema proto, or nothing.
      rows: how many rows a batch has at most.
    """

    def __init__(self, schema: bytes | None = None, rows: int = ROWS) -> None:
        self._schema, self._rows = schema, rows

    def setup(self) -> None:
        """Makes the decoder, which cannot be pickled."""
        from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

        self._decoder = ExamplesToRecordBatchDecoder(*([self._schema] if self._schema else []))

    def process(self, file: str) -> Iterator[pa.RecordBatch]:
        """Yields the batches of a file."""
        for records in batches_of([file], self._rows):
            yield self._decoder.DecodeBatch(records.tolist())


def record_batches(pipeline: beam.Pipeline, name: str, files: Sequence[str], schema: Any = None) -> Any:
    """Returns the PCollection of the record batches of some files; `name` tells its steps from others."""
    decode = DecodeFiles(schema.SerializeToString() if schema else None)
    return pipeline | f"Files {name}" >> beam.Create(list(files)) | f"Decode {name}" >> beam.ParDo(decode)
