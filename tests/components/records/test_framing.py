from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.records.framing import frame, unframe
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


@given(records=st.lists(st.binary(max_size=200), max_size=20))
@REAL_TIME
def test_what_was_framed_is_found_again(records: list[bytes]) -> None:
    """The records of a file that TensorFlow wrote come back, in their order."""
    assert list(unframe(written_by_tensorflow(records))) == records


@given(records=st.lists(st.binary(max_size=20), min_size=1, max_size=3), data=st.data())
@REAL_TIME
def test_a_file_that_is_cut_off_or_changed_is_refused(records: list[bytes], data: st.DataObject) -> None:
    """Wherever a file ends early, or a byte of a record differs, that is an error and not a shorter list."""
    whole = written_by_tensorflow(records)
    ends = {len(written_by_tensorflow(records[:count])) for count in range(len(records) + 1)}
    end = data.draw(st.integers(1, len(whole)).filter(lambda at: at not in ends))
    with pytest.raises(ValueError, match="cut off or damaged"):
        list(unframe(whole[:end]))
    changed = bytearray(whole)
    changed[-1] ^= 1
    with pytest.raises(ValueError, match="cut off or damaged"):
        list(unframe(bytes(changed)))
