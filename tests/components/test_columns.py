from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.columns import Hashes, assign_splits, canonical, hash_rows
from components.records.encoding import encode
from tests.components.tables import REAL_TIME, to_rows

INT64 = st.integers(-(2**63) + 1, 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False)
CELLS = st.tuples(st.none() | INT64, st.none() | FLOAT32, st.none() | st.text())
TABLES = st.lists(CELLS, min_size=1, max_size=30)
SPLITS = st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 20), min_size=1, max_size=4)
NANOSECONDS = pa.array([1_500_000_000_999_999_999, None], pa.timestamp("ns"))
IN_BERLIN = pa.array([datetime(2020, 1, 1, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin"))


def to_batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    """Returns a canonical batch of an integer, a float and a text column."""
    numbers, floats, texts = zip(*rows, strict=True)
    columns = [pa.array(numbers, pa.int64()), pa.array(floats, pa.float32()), pa.array(texts, pa.string())]
    return canonical(pa.RecordBatch.from_arrays(columns, ["number", "float", "text"]))


def canonical_column(column: pa.Array) -> pa.Array:
    """Returns one column as `canonical` has it."""
    return canonical(pa.RecordBatch.from_arrays([column], ["x"])).column(0)


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (pa.array([1, None, -3], pa.int8()), pa.int64(), [1, None, -3]),
        (pa.array([2**40], pa.uint64()), pa.int64(), [2**40]),
        (pa.array([True, False, None]), pa.int64(), [1, 0, None]),
        (pa.array([0.5, None], pa.float64()), pa.float32(), [0.5, None]),
        (pa.array([float("nan"), 2.0]), pa.float32(), [None, 2.0]),
        (pa.array([float("inf"), float("-inf")]), pa.float32(), [float("inf"), float("-inf")]),
        (pa.array([date(1970, 1, 2), None]), pa.int64(), [86400, None]),
        (NANOSECONDS, pa.int64(), [1_500_000_000, None]),
        (IN_BERLIN, pa.int64(), [1_577_836_800]),
        (pa.array(["Zürich", "", None]), pa.binary(), ["Zürich".encode(), b"", None]),
        (pa.array(["x"], pa.large_string()), pa.binary(), [b"x"]),
        (pa.array(["b", None, "b"]).dictionary_encode(), pa.binary(), [b"b", None, b"b"]),
        (pa.array([5, None]).dictionary_encode(), pa.int64(), [5, None]),
        (pa.nulls(2), pa.binary(), [None, None]),
    ],
)
def test_each_arrow_type_becomes_one_of_the_three_of_a_tf_example(
    column: pa.Array, kind: pa.DataType, values: list[Any]
) -> None:
    """Integers, booleans and times become int64, all floats float32, all text bytes, and NaN a missing value."""
    made = canonical_column(column)
    assert (made.type, made.to_pylist()) == (kind, values)


@given(days=st.integers(-100_000, 100_000))
@REAL_TIME
def test_a_date_and_the_timestamp_of_its_midnight_are_the_same_number(days: int) -> None:
    """Dates and timestamps share one scale, seconds since 1970 in UTC, before 1970 as well."""
    midnight = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)
    stamps = pa.array([midnight.replace(tzinfo=None)], pa.timestamp("ms"))
    dates = pa.array([midnight.date()])
    assert canonical_column(dates).to_pylist() == canonical_column(stamps).to_pylist() == [days * 86400]


@given(rows=TABLES)
@REAL_TIME
def test_encoded_rows_parse_as_tf_examples_with_the_same_values(rows: list[tuple[Any, ...]]) -> None:
    """Each row becomes one tf.Example that holds its values, and no value where one is missing."""
    parsed = to_rows(encode(to_batch(rows)).to_pylist())
    expected = [
        {"float": real, "number": number, "text": text if text is None else text.encode()}
        for number, real, text in rows
    ]
    assert parsed == expected


def test_a_batch_without_rows_encodes_to_no_examples() -> None:
    """A batch may be empty."""
    empty = to_batch([(1, 1.0, "x")]).slice(1)
    assert encode(empty).to_pylist() == []
    assert hash_rows(empty, seed=1).shape == (0,)


def hashes_in_two_batches(rows: list[tuple[Any, ...]], cut: int, seed: int) -> list[int]:
    """Returns the rows' hashes, where the rows come in two batches."""
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    return [value for part in parts for value in hash_rows(to_batch(part), seed).tolist()]


@given(rows=TABLES, cut=st.integers(0, 30), seed=st.integers(0, 2**31))
@REAL_TIME
def test_a_row_hashes_the_same_in_whatever_batch_it_comes(rows: list[tuple[Any, ...]], cut: int, seed: int) -> None:
    """Batch boundaries, and so the block size of a reader, do not change a row's split."""
    assert hashes_in_two_batches(rows, cut, seed) == hash_rows(to_batch(rows), seed).tolist()


@given(rows=TABLES, order=st.randoms(use_true_random=False))
@REAL_TIME
def test_a_row_hashes_the_same_beside_other_neighbours(rows: list[tuple[Any, ...]], order: Any) -> None:
    """A row's hash depends on its own values only: shuffled rows keep their hashes."""
    shuffled = order.sample(range(len(rows)), len(rows))
    before = hash_rows(to_batch(rows), seed=3)
    after = hash_rows(to_batch([rows[index] for index in shuffled]), seed=3)
    assert after.tolist() == before[shuffled].tolist()


def test_neither_the_order_of_columns_nor_an_empty_one_changes_a_hash() -> None:
    """A row falls into the same split from a file with its columns in another order, or with one that has no value."""
    batch = different_rows(20)
    reordered = batch.select(["text", "number", "float"])
    wider = reordered.append_column("new", pa.nulls(20, pa.binary()))
    assert hash_rows(batch, 3).tolist() == hash_rows(reordered, 3).tolist() == hash_rows(wider, 3).tolist()


def different_rows(count: int) -> pa.RecordBatch:
    """Returns a batch of which no two rows are equal."""
    return to_batch([(row, row / 4, f"text {row % 10}") for row in range(count)])


@pytest.mark.parametrize("column", ["number", "float", "text"])
def test_another_seed_gives_other_hashes_for_every_kind_of_column(column: str) -> None:
    """The seed divides the same rows anew, whatever the columns' types are."""
    batch = different_rows(50).select([column])
    assert (hash_rows(batch, seed=1) != hash_rows(batch, seed=2)).all()


def test_different_rows_have_different_hashes() -> None:
    """Hashes do not collide among twenty thousand rows."""
    assert len(set(hash_rows(different_rows(20_000), seed=0).tolist())) == 20_000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 1.0, None), (1, 1.0, "")),
        ((1, None, "x"), (1, 0.0, "x")),
        ((None, 1.0, "x"), (0, 1.0, "x")),
    ],
)
def test_a_missing_value_is_not_an_empty_one(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    """Missing and "", and missing and 0, are different rows."""
    first, second = hash_rows(to_batch([one, other]), seed=0)
    assert first != second


def test_the_column_in_which_a_value_stands_matters() -> None:
    """Two rows with the same values in each other's columns have different hashes."""
    columns = [pa.array([1, 2], pa.int64()), pa.array([2, 1], pa.int64())]
    first, second = hash_rows(pa.RecordBatch.from_arrays(columns, ["a", "b"]), seed=0)
    assert first != second


@given(hashes=st.lists(st.integers(0, 2**64 - 1), max_size=50), splits=SPLITS)
@REAL_TIME
def test_every_row_is_in_exactly_one_of_the_named_splits(hashes: list[int], splits: dict[str, int]) -> None:
    """Each hash gets one name, and no name that was not given."""
    assigned = assign_splits(np.array(hashes, np.uint64), splits).tolist()
    assert len(assigned) == len(hashes)
    assert set(assigned) <= set(splits)


@given(splits=SPLITS)
@REAL_TIME
def test_each_split_has_as_many_buckets_as_it_was_given(splits: dict[str, int]) -> None:
    """Of as many successive hashes as there are buckets, each split gets just its number."""
    successive: Hashes = np.arange(sum(splits.values()), dtype=np.uint64)
    assigned = assign_splits(successive, splits).tolist()
    assert {split: assigned.count(split) for split in splits} == splits


def test_real_rows_fall_into_splits_in_the_proportions_that_were_asked() -> None:
    """Seven, one and two buckets hold seven, one and two tenths of twenty thousand rows."""
    assigned = assign_splits(hash_rows(different_rows(20_000), seed=0), {"train": 7, "eval": 1, "test": 2})
    shares = {split: float((assigned == split).mean()) for split in ("train", "eval", "test")}
    assert shares == pytest.approx({"train": 0.7, "eval": 0.1, "test": 0.2}, abs=0.015)
