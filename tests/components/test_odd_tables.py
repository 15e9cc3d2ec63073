from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate import check_label
from schema.errors import DataAnomaly
from schema.expression import Expression
from tests.components.tables import Cell, Columns, to_examples, write_records
from tests.components.test_readers import EXAMPLES, read, refusal, write, write_parquet

LONG = 5000  # bytes: some hundred such values are more than Arrow reads at once
LONGEST_OF_PYTHON = 131_072  # characters of a field, unless it is told to take more


def test_line_breaks_in_values_may_lie_anywhere_in_a_long_file(tmp_path: Path) -> None:
    """A line break within quotes parts no row, in whichever of Arrow's blocks it lies."""
    values = [f"{'x' * LONG}\nline {row}" for row in range(600)]
    path = write(tmp_path, "a,b\n" + "".join(f'"{value}",{row}\n' for row, value in enumerate(values)))
    expected = [{"a": value.encode(), "b": row} for row, value in enumerate(values)]
    assert read("csv", path, {"a": "BYTES", "b": "INT"}) == expected


@pytest.mark.parametrize(("text", "row"), [('a,b\n1,"x\n2,y\n3,z\n', 2), ('a,b\n1,x\n2,"y\n3,z\n', 3)])
def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path, text: str, row: int) -> None:
    """The rows below an open quote are not taken for one value: the row that opens it is named."""
    path = write(tmp_path, text)
    assert refusal("csv", path).startswith(f"{path}: a quote that opens in row {row} is never closed.")


@pytest.mark.parametrize("types", [{}, {"a": "BYTES"}], ids=["inferred", "curated"])
@pytest.mark.parametrize(("text", "byte"), [("\xe9,b\n1,2\n", 0), ("a,b\n\xe9,2\n", 4)], ids=["header", "row"])
def test_a_csv_that_is_not_utf8_is_refused(tmp_path: Path, text: str, byte: int, types: dict[str, str]) -> None:
    """The message names the file and the byte, whether a name or a value is in another encoding."""
    path = write(tmp_path, text, "latin1")
    message = refusal("csv", path, types)
    assert message.startswith(f"{path}: is not UTF-8: ")
    assert message.endswith(f" at byte {byte}. Save it as UTF-8.")


def test_spaces_round_a_bad_number_do_not_hide_its_row(tmp_path: Path) -> None:
    """Arrow trims what it could not read; the row is found all the same."""
    path = write(tmp_path, "a,b\n1, foo \n")
    assert refusal("csv", path, {"b": "INT"}).startswith(f"{path}: row 2, column 'b' holds 'foo', ")


def test_a_huge_value_above_a_bad_number_does_not_hide_its_row(tmp_path: Path) -> None:
    """A field longer than Python's csv reads by itself does not stop the search for the row."""
    path = write(tmp_path, f"a,b\n{'x' * (LONGEST_OF_PYTHON + 1)},2\n1,foo\n")
    assert refusal("csv", path, {"b": "INT"}).startswith(f"{path}: row 3, column 'b' holds 'foo', ")


def test_a_time_of_day_in_a_csv_is_text(tmp_path: Path) -> None:
    """What Arrow infers to be a time of day stays as it was written, and an empty one is missing."""
    assert read("csv", write(tmp_path, "a,b\n12:30:00,1\n,2\n")) == [{"a": b"12:30:00", "b": 1}, {"a": None, "b": 2}]


def test_a_time_of_day_in_parquet_is_text(tmp_path: Path) -> None:
    """A tf.Example has no times: the column is read as text, and a missing one is missing."""
    path = write_parquet(tmp_path, t=pa.array([time(1, 2, 3), None], pa.time32("ms")))
    assert read("parquet", path) == [{"t": b"01:02:03.000"}, {"t": None}]


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        (pa.array([datetime(2020, 1, 1)], pa.timestamp("us")), "INT", 1577836800),  # noqa: DTZ001  # Parquet's are naive
        (pa.array([datetime(2020, 1, 1)], pa.timestamp("ms", "UTC")), "INT", 1577836800),  # noqa: DTZ001
        (pa.array([date(1970, 1, 2)]), "INT", 86400),
        (pa.array([date(1970, 1, 2)]), "FLOAT", 86400.0),
    ],
    ids=["timestamp", "timestamp with a zone", "date", "date as float"],
)
def test_dates_in_parquet_are_seconds_under_a_schema_too(
    tmp_path: Path, column: pa.Array, kind: str, value: Cell
) -> None:
    """A date or timestamp becomes seconds since 1970 before it is cast to its curated type."""
    assert read("parquet", write_parquet(tmp_path, t=column), {"t": kind}) == [{"t": value}]


@pytest.mark.parametrize(
    ("column", "kind"), [(pa.array([[1]]), "list<"), (pa.array([{"x": 1}]), "struct<")], ids=["list", "struct"]
)
def test_a_parquet_column_that_is_neither_number_nor_text_is_named(tmp_path: Path, column: pa.Array, kind: str) -> None:
    """Without a schema too, a column that a tf.Example cannot hold is refused by its name."""
    path = write_parquet(tmp_path, good=pa.array([1]), t=column)
    assert refusal("parquet", path).startswith(f"{path}: column 't' is {kind}")


@pytest.mark.parametrize("kind", ["INT", "FLOAT"])
@pytest.mark.parametrize("column", [pa.array([b"x"]), pa.array([b"x"], pa.large_binary())], ids=["binary", "large"])
def test_parquet_bytes_in_a_column_of_numbers_are_refused(tmp_path: Path, column: pa.Array, kind: str) -> None:
    """Binary columns are no numbers, and the message names the column."""
    path = write_parquet(tmp_path, t=column)
    assert refusal("parquet", path, {"t": kind}).startswith(f"{path}: column 't' is text, ")


@pytest.mark.parametrize("types", [{}, {"t": "BYTES"}], ids=["inferred", "curated"])
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()], ids=str)
def test_parquet_bytes_need_not_be_utf8(tmp_path: Path, kind: pa.DataType, types: dict[str, str]) -> None:
    """Bytes are kept as they are, whatever their encoding."""
    assert read("parquet", write_parquet(tmp_path, t=pa.array([b"\xff"], kind)), types) == [{"t": b"\xff"}]


def test_a_parquet_file_with_corrupt_pages_is_refused(tmp_path: Path) -> None:
    """A file whose footer is whole and whose data is not is refused by its name."""
    path = write_parquet(tmp_path, a=pa.array(range(10000)))
    content = path.read_bytes()
    path.write_bytes(content[:200] + bytes(3000) + content[3200:])
    assert refusal("parquet", path).startswith(f"{path}: cannot be read as Parquet: ")


@pytest.mark.parametrize("whole", [1, 4])
def test_the_whole_records_above_a_corrupt_one_are_counted(tmp_path: Path, whole: int) -> None:
    """The message says after which record a TFRecord is corrupt, within its first batch too."""
    end = write_records(tmp_path / "above.tfrecord", EXAMPLES[: whole + 1], "").stat().st_size
    path = write_records(tmp_path / "rows.tfrecord", EXAMPLES[:5], "")
    content = bytearray(path.read_bytes())
    content[end - 8] ^= 0xFF
    path.write_bytes(bytes(content))
    assert refusal("tfrecord", path).startswith(f"{path}: is corrupt after record {whole}.")


PAYMENTS = text_format.Parse('feature { name: "pay" type: BYTES value_count { max: 1 } }', schema_pb2.Schema())


def check_payments(rows: Columns, folder: Path) -> None:
    """Checks a label that compares a column with a text."""
    file = write_records(folder / "rows.gz", to_examples(rows))
    check_label("trips.csv", [str(file)], Expression("pay == 'Cash'"), PAYMENTS)


def test_a_label_may_compare_a_text(tmp_path: Path) -> None:
    """A label that says whether a column holds some text varies where the column does."""
    check_payments({"pay": ["Cash", None, "Card"]}, tmp_path)


@pytest.mark.parametrize(("pay", "label"), [("Cash", "True"), ("Card", "False")])
def test_a_label_that_compares_a_text_must_vary(tmp_path: Path, pay: str, label: str) -> None:
    """Where each row's column compares alike, the run stops and the message says what the label is."""
    with pytest.raises(DataAnomaly, match=f"every row has the same label, {label}"):
        check_payments({"pay": [pay, pay]}, tmp_path)


def test_a_literal_quote_within_a_field_is_read_as_it_stands(tmp_path: Path) -> None:
    """A quote that opens nothing is a character like others."""
    path = write(tmp_path, 'a,b\n5" pipe,2\n')
    assert read("csv", path) == [{"a": b'5" pipe', "b": 2}]


def test_an_open_quote_is_found_beside_a_literal_one(tmp_path: Path) -> None:
    """However many quotes there are, one that is never closed is told with its row, and no row is swallowed."""
    path = write(tmp_path, 'a,b\n5" pipe,2\n1,"x\n2,y\n')
    assert "a quote that opens in row 3 is never closed" in refusal("csv", path)


def test_text_that_is_not_utf8_far_down_is_refused(tmp_path: Path) -> None:
    """Latin-1 in a later row is refused as early as in the first."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n" + b"1,x\n" * 10_000 + b"2,caf\xe9\n")
    assert refusal("csv", path).startswith(f"{path}: is not UTF-8")
