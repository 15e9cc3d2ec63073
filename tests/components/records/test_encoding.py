from __future__ import annotations

import pyarrow as pa
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from components.records.encoding import encode
from tests.components.tables import REAL_TIME

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32)
BYTES = st.binary(max_size=300)
Kinds = dict[str, tuple[st.SearchStrategy[object], pa.DataType]]
VALUES: Kinds = {"integers": (INT64, pa.int64()), "floats": (FLOAT32, pa.float32()), "texts": (BYTES, pa.binary())}


def columns(kinds: Kinds, rows: int) -> st.SearchStrategy[pa.RecordBatch]:
    """Returns tables with a column of each kind."""
    arrays = st.tuples(*(column(values, kind, rows) for values, kind in kinds.values()))
    return arrays.map(lambda made: pa.RecordBatch.from_arrays(list(made), list(kinds)))


def column(values: st.SearchStrategy[object], kind: pa.DataType, rows: int) -> st.SearchStrategy[pa.Array]:
    """Returns columns of a type, with missing values."""
    return st.lists(st.none() | values, min_size=rows, max_size=rows).map(lambda cells: pa.array(cells, kind))


def as_lists(column: pa.Array) -> pa.Array:
    """Returns each value as a list of one, as tfx_bsl wants it."""
    return pa.array([None if value is None else [value] for value in column.to_pylist()], pa.list_(column.type))


def encoded_by_tfx(batch: pa.RecordBatch) -> list[bytes]:
    """Returns what TFX's own encoder makes of a table."""
    lists = [column if pa.types.is_list(column.type) else as_lists(column) for column in batch.columns]
    made: list[bytes] = RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays(lists, batch.schema.names))
    return made


def messages(serialized: list[bytes]) -> list[bytes]:
    """Returns tf.Examples with their features in one order, so that they can be compared."""
    return [tf.train.Example.FromString(one).SerializeToString(deterministic=True) for one in serialized]


@given(batch=st.integers(1, 20).flatmap(lambda rows: columns(VALUES, rows)))
@REAL_TIME
def test_single_values_are_encoded_as_tfx_does(batch: pa.RecordBatch) -> None:
    """Every integer, float (NaN and infinite ones too) and text gives the tf.Example that tfx_bsl makes of it."""
    assert messages(encode(batch).to_pylist()) == messages(encoded_by_tfx(batch))


@given(
    batch=st.integers(1, 20).flatmap(
        lambda rows: columns(
            {name: (st.lists(values, max_size=40), pa.list_(kind)) for name, (values, kind) in VALUES.items()}, rows
        )
    )
)
@REAL_TIME
def test_lists_are_encoded_as_tfx_does(batch: pa.RecordBatch) -> None:
    """So are lists, the empty ones too."""
    assert messages(encode(batch).to_pylist()) == messages(encoded_by_tfx(batch))


@given(batch=columns(VALUES, 12), first=st.integers(0, 11), rows=st.integers(0, 12))
@REAL_TIME
def test_a_part_of_a_table_is_encoded_as_it_is_in_the_whole(batch: pa.RecordBatch, first: int, rows: int) -> None:
    """A slice, which shares the whole's buffers, gives the same bytes."""
    assert encode(batch.slice(first, rows)).to_pylist() == encode(batch).to_pylist()[first : first + rows]


def test_lengths_of_several_bytes_are_written() -> None:
    """A text of 70,000 bytes, whose length takes three bytes, and a name of 200."""
    batch = pa.RecordBatch.from_arrays([pa.array([b"x" * 70_000, b"y" * 200, b""])], ["n" * 200])
    assert messages(encode(batch).to_pylist()) == messages(encoded_by_tfx(batch))
