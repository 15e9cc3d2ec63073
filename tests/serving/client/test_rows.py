from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from components.columns import canonical
from serving.client.rows import AT_ONCE, rows_of
from serving.rows import NoRow

NOON = datetime(2014, 5, 13, 12, 0, 0, 750_000)  # noqa: DTZ001  # a time without a zone is what is tried


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.array([True])[0], True),
        (np.str_("text"), "text"),
        (np.array([1, 2]), [1, 2]),
        (np.datetime64("2014-05-13T12:00:00.75"), 1_399_982_400),
        (np.datetime64("NaT"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp(NOON), 1_399_982_400),
        (NOON, 1_399_982_400),
        (NOON.replace(tzinfo=timezone(timedelta(hours=2))), 1_399_975_200),
        (date(2014, 5, 13), 1_399_939_200),
        (time(12, 30), "12:30:00"),
        (Decimal("1.5"), 1.5),
        ("Žižkov".encode(), "Žižkov"),
        (b"\xff", b"\xff"),
        (None, None),
    ],
)
def test_values_become_pythons(value: Any, plain: Any) -> None:
    """numpy's, pandas' and other types are numbers, texts and lists to the model; times are seconds since 1970."""
    (row,) = rows_of([{"v": value}])
    assert isinstance(row, dict)
    assert (row["v"], type(row["v"])) == (plain, type(plain))


def test_times_are_what_the_training_data_has() -> None:
    """A table's dates and times are the seconds that its readers make of them."""
    zoned = NOON.replace(tzinfo=UTC)
    table = pa.table(
        {
            "time": pa.array([NOON, None], pa.timestamp("us")),
            "zoned": pa.array([zoned, zoned], pa.timestamp("ms", "Europe/Prague")),
            "day": pa.array([date(2014, 5, 13), date(1969, 12, 31)]),
        }
    )
    expected = canonical(table.to_batches()[0]).to_pylist()
    assert list(rows_of(table)) == expected


def test_long_tables_are_read_in_parts() -> None:
    """All rows of several parts come, in order, from a table of several chunks and from a frame."""
    numbers = list(range(AT_ONCE * 2 + 3))
    table = pa.concat_tables([pa.table({"n": numbers[:5]}), pa.table({"n": numbers[5:]})])
    for rows in (table, table.to_pandas(), table.combine_chunks().to_batches()[0]):
        assert [row["n"] for row in rows_of(rows) if isinstance(row, dict)] == numbers


def test_a_frames_columns_are_texts() -> None:
    """Columns that are numbered, as those of a frame made from an array are, go by their numbers' texts."""
    assert list(rows_of(pd.DataFrame([[1.5, "a"]]))) == [{"0": 1.5, "1": "a"}]


def test_a_frames_own_missing_values_are_missing() -> None:
    """Nullable integers, categories and times of pandas lose nothing but what they lack."""
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None], "Int64"),
            "c": pd.Categorical(["a", None]),
            "t": pd.to_datetime(["2014-05-13", None]),
        }
    )
    first, second = rows_of(frame)
    assert first == {"n": 1, "c": "a", "t": 1_399_939_200}
    assert isinstance(second, dict)
    assert second["n"] is second["t"] is None
    assert pd.isna(second["c"])


def test_what_is_no_row_stays_in_its_place() -> None:
    """A piece that a file's reader could not read, and an item that is no mapping, are told as such."""
    assert list(rows_of([NoRow("why"), {"a": 1}, [1]])) == [
        NoRow("why"),
        {"a": 1},
        NoRow("list, where a row is a mapping of column to value"),
    ]
