from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from components.readers import READERS
from components.rows import BadRow
from components.source_options import NUMBER
from tests.components.readers.reading import options_of, read, refusal, write, write_parquet
from tests.components.tables import Cell

NEW_YEAR = pa.array([datetime(2020, 1, 1)], pa.timestamp("us"))  # noqa: DTZ001  # Parquet's are naive


def test_a_parquet_file_keeps_its_own_types(tmp_path: Path) -> None:
    """Where no type is curated, the file's own decides: integers, floats, text, booleans, times, dictionaries."""
    path = write_parquet(
        tmp_path,
        i=pa.array([1, None], pa.int32()),
        f=pa.array([0.5, float("nan")]),
        n=pa.array([Decimal("2.50"), None]),
        t=pa.array(["x", None]),
        z=pa.array(["007", ""]),
        b=pa.array([True, None]),
        s=pa.concat_arrays([NEW_YEAR, pa.nulls(1, NEW_YEAR.type)]),
        d=pa.array([date(1970, 1, 2), None]),
        k=pa.array(["y", None]).dictionary_encode(),
    )
    first, second = read("parquet", path).rows
    expected = {"i": 1, "f": 0.5, "n": 2.5, "t": b"x", "z": b"007", "b": 1, "s": 1577836800, "d": 86400, "k": b"y"}
    assert first == expected
    assert second == dict.fromkeys(first)


def test_a_parquet_column_is_cast_to_its_curated_type(tmp_path: Path) -> None:
    """Integers can be read as floats or as text, whole floats as integers, texts and booleans as numbers."""
    path = write_parquet(
        tmp_path,
        a=pa.array([1]),
        b=pa.array([2]),
        c=pa.array([3.0]),
        d=pa.array(["4"]),
        e=pa.array([True]),
        f=pa.array(["5.5"]).dictionary_encode(),
    )
    types = {"a": "FLOAT", "b": "BYTES", "c": "INT", "d": "INT", "e": "FLOAT", "f": NUMBER}
    (row,) = read("parquet", path, types=types).rows
    assert row == {"a": 1.0, "b": b"2", "c": 3, "d": 4, "e": 1.0, "f": 5.5}
    assert {name: type(value) for name, value in row.items()} == {
        "a": float,
        "b": bytes,
        "c": int,
        "d": int,
        "e": float,
        "f": float,
    }


@pytest.mark.parametrize(
    ("column", "wanted", "shown"),
    [
        (pa.array(["1", "x"]), "INT", "'x'"),
        (pa.array([1.0, 1.5]), "INT", "'1.5'"),
        (pa.array([1.0, 1e19]), "INT", "'1e+19'"),
        (pa.array([1.0, float("inf")]), "FLOAT", "'inf'"),
        (pa.array([1.0, 1e39]), "FLOAT", "'1e+39'"),
        (pa.array([b"1", b"\xff"]), "FLOAT", repr(r"\xff")),
        (pa.array([b"1", b"x"], pa.large_binary()), "INT", "'x'"),
    ],
    ids=["text", "fraction", "beyond int64", "infinite", "beyond float32", "bytes", "large bytes"],
)
def test_a_value_of_another_type_is_quarantined(tmp_path: Path, column: pa.Array, wanted: str, shown: str) -> None:
    """A value that cannot be cast without loss spoils its row; rows are counted from 1."""
    out = read("parquet", write_parquet(tmp_path, good=pa.array([1, 2]), bad=column), types={"bad": wanted})
    assert out.rows == [{"good": 1, "bad": 1}]
    (bad,) = out.bad
    assert bad.number == 2
    assert bad.reason.startswith(f"'bad' holds {shown}, where the schema")
    assert bad.row.startswith('{"good": 2, "bad": ')


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        (NEW_YEAR, "INT", 1577836800),
        (NEW_YEAR.cast(pa.timestamp("ms", "UTC")), "INT", 1577836800),
        (pa.array([date(1970, 1, 2)]), "INT", 86400),
        (pa.array([date(1970, 1, 2)]), "FLOAT", 86400.0),
        (pa.array([date(1970, 1, 2)]), NUMBER, 86400),
        (pa.array(["1970-01-02"]), "INT", 86400),
    ],
    ids=["timestamp", "timestamp with a zone", "date", "date as float", "date as number", "date as text"],
)
def test_dates_in_parquet_are_seconds_under_a_schema_too(
    tmp_path: Path, column: pa.Array, kind: str, value: Cell
) -> None:
    """A date or timestamp becomes seconds since 1970 before it is cast to its curated type."""
    assert read("parquet", write_parquet(tmp_path, t=column), types={"t": kind}).rows == [{"t": value}]


def test_a_time_of_day_in_parquet_is_text(tmp_path: Path) -> None:
    """A tf.Example has no times: the column is read as text, and a missing one is missing."""
    path = write_parquet(tmp_path, t=pa.array([time(1, 2, 3), None], pa.time32("ms")))
    assert read("parquet", path).rows == [{"t": b"01:02:03.000"}, {"t": None}]


@pytest.mark.parametrize("types", [{}, {"t": "INT"}], ids=["inferred", "curated"])
@pytest.mark.parametrize(
    ("column", "kind"), [(pa.array([[1]]), "list<"), (pa.array([{"x": 1}]), "struct<")], ids=["list", "struct"]
)
def test_a_parquet_column_that_is_neither_number_nor_text_is_named(
    tmp_path: Path, column: pa.Array, kind: str, types: dict[str, str]
) -> None:
    """With a schema or without, a column that a tf.Example cannot hold is refused by its name."""
    path = write_parquet(tmp_path, good=pa.array([1]), t=column)
    assert refusal("parquet", path, types=types).startswith(f"{path}: column 't' is {kind}")


@pytest.mark.parametrize("types", [{}, {"t": "BYTES"}], ids=["inferred", "curated"])
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()], ids=str)
def test_parquet_bytes_need_not_be_utf8(tmp_path: Path, kind: pa.DataType, types: dict[str, str]) -> None:
    """Bytes are kept as they are, whatever their encoding."""
    assert read("parquet", write_parquet(tmp_path, t=pa.array([b"\xff"], kind)), types=types).rows == [{"t": b"\xff"}]


def test_a_missing_label_is_quarantined(tmp_path: Path) -> None:
    """Null and NaN are no label."""
    path = write_parquet(tmp_path, tips=pa.array([1.0, None, float("nan")]), n=pa.array([1, 2, 3]))
    assert [row.number for row in read("parquet", path, required=("tips",)).bad] == [2, 3]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n" * 10])
def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file and a CSV are not Parquet, and the message says so."""
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    assert refusal("parquet", path).startswith(f"{path}: cannot be read as Parquet: ")


def test_a_parquet_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    """Half a copy is not read as half of the rows."""
    path = write_parquet(tmp_path, a=pa.array(range(1000)))
    path.write_bytes(path.read_bytes()[:-500])
    assert refusal("parquet", path).startswith(f"{path}: cannot be read as Parquet: ")


def test_a_parquet_file_with_corrupt_pages_is_refused(tmp_path: Path) -> None:
    """A file whose footer is whole and whose data is not is refused by its name."""
    path = write_parquet(tmp_path, a=pa.array(range(10000)))
    content = path.read_bytes()
    path.write_bytes(content[:200] + bytes(3000) + content[3200:])
    assert refusal("parquet", path).startswith(f"{path}: cannot be read as Parquet: ")


def test_a_parquet_file_without_columns_is_refused(tmp_path: Path) -> None:
    """Rows of nothing are no table."""
    path = write_parquet(tmp_path)
    assert refusal("parquet", path).startswith(f"{path}: has no columns.")


def test_csv_and_parquet_give_the_same_rows_the_same_hashes(tmp_path: Path) -> None:
    """A table falls into the same splits from either format, in whatever order its columns stand."""
    from_csv = read("csv", write(tmp_path, "a,b,c\n1,x,0.5\n,y,\n"), seed=5)
    columns = {"c": pa.array([0.5, None]), "b": pa.array(["x", "y"]), "a": pa.array([1, None])}
    assert read("parquet", write_parquet(tmp_path, **columns), seed=5) == from_csv


def test_the_columns_of_a_parquet_file_are_those_of_its_schema(tmp_path: Path) -> None:
    """The names are known, in their order, before any row is read."""
    path = write_parquet(tmp_path, y=pa.array([1]), x=pa.array([2]))
    assert READERS["parquet"].columns(str(path), options_of("parquet", path)) == ["y", "x"]


def test_bad_rows_far_down_are_counted_over_batches(tmp_path: Path) -> None:
    """The number of a row counts those of all batches before it."""
    path = write_parquet(tmp_path, a=pa.array([*map(str, range(100_000)), "x"]))
    assert read("parquet", path, types={"a": "INT"}).bad == [
        BadRow(100_001, "'a' holds 'x', where the schema or the column's role wants an integer", '{"a": "x"}')
    ]
