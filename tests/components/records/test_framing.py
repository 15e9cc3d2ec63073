from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.records.framing import frame
from tests.components.tables import REAL_TIME


def written_by_tensorflow(records: list[bytes]) -> bytes:
    """Returns the file that TensorFlow writes of some records."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "records")
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                writer.write(record)
        return path.read_bytes()


@given(records=st.lists(st.binary(max_size=200), max_size=20))
@REAL_TIME
def test_a_frame_is_what_tensorflow_writes(records: list[bytes]) -> None:
    """The same records give the same bytes as TFRecordWriter's, empty records and no record at all among them."""
    assert frame(pa.array(records, pa.large_binary())).to_pybytes() == written_by_tensorflow(records)


def test_a_part_of_an_array_is_framed_alone() -> None:
    """A slice gives the bytes of its own records only."""
    records = [b"one", b"", b"three", b"four"]
    assert frame(pa.array(records, pa.large_binary()).slice(1, 2)).to_pybytes() == written_by_tensorflow(records[1:3])
