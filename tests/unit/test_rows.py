from __future__ import annotations

import csv
import io
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import UsageError
from serving.rows import Form, NoRow, read_rows

COLUMNS = ("fare", "company", "note")
CSV_ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, st.text(max_size=20))), max_size=10)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON_ROWS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=10)


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def _reasons(file: Path) -> dict[int, str]:
    """Why pieces of a file are no rows, by their place, the rest being rows."""
    rows = enumerate(read_rows(file))
    return {place: row.reason for place, row in rows if isinstance(row, NoRow)}


@given(rows=CSV_ROWS)
def test_csv_rows_come_back_as_they_were_written(rows: list[dict[str, str]]) -> None:
    """Rows written as CSV, whatever their text holds, are read as the same rows."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        assert list(read_rows(_write(Path(folder), "rows.csv", text.getvalue()))) == rows


@given(rows=JSON_ROWS, ascii_only=st.booleans())
def test_json_rows_come_back_as_they_were_written(rows: list[dict[str, Any]], *, ascii_only: bool) -> None:
    """Rows written as JSON Lines are read as the same rows, numbers as numbers."""
    text = "".join(f"{json.dumps(row, ensure_ascii=ascii_only)}\n" for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        assert list(read_rows(_write(Path(folder), "rows.jsonl", text))) == rows


def test_values_of_a_csv_are_text(tmp_path: Path) -> None:
    """A CSV says nothing of types, so that its values stay text, the empty one too."""
    file = _write(tmp_path, "rows.csv", "fare,company\n12.5,\n")
    assert list(read_rows(file)) == [{"fare": "12.5", "company": ""}]


def test_a_byte_order_mark_is_no_part_of_a_column_name(tmp_path: Path) -> None:
    """A CSV that a spreadsheet saved with a byte order mark has the columns that it shows."""
    file = _write(tmp_path, "rows.csv", b"\xef\xbb\xbffare,company\r\n1,Flash\r\n")
    assert list(read_rows(file)) == [{"fare": "1", "company": "Flash"}]


def test_a_quoted_value_may_hold_a_newline(tmp_path: Path) -> None:
    """A newline or a comma in quotes is part of the value."""
    file = _write(tmp_path, "rows.csv", 'fare,note\n1,"two\nlines, and a comma"\n2,plain\n')
    assert list(read_rows(file)) == [{"fare": "1", "note": "two\nlines, and a comma"}, {"fare": "2", "note": "plain"}]


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    """Blank lines, of which editors leave some at the end, are passed over in both formats."""
    assert len(list(read_rows(_write(tmp_path, "rows.csv", "fare,company\n\n1,Flash\n\n")))) == 1
    assert len(list(read_rows(_write(tmp_path, "rows.jsonl", '\n{"fare": 1}\n  \n')))) == 1


@pytest.mark.parametrize("content", ["", "fare,company\n"], ids=["empty", "header only"])
def test_a_csv_without_rows_gives_none(tmp_path: Path, content: str) -> None:
    """A CSV that has no line below its header has no rows."""
    assert list(read_rows(_write(tmp_path, "rows.csv", content))) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("3", "line 3: 1 values, where the header has 2"),
        ("3,Flash,extra", "line 3: 3 values, where the header has 2"),
        ('"3\n4"', "lines 3 to 4, which a quote joins: 1 values, where the header has 2"),
    ],
)
def test_a_ragged_row_is_no_row_and_stops_no_other(tmp_path: Path, line: str, reason: str) -> None:
    """A row with more or fewer values than the header is given as none, by its lines; those around it are as ever."""
    file = _write(tmp_path, "rows.csv", f"fare,company\n1,Flash\n{line}\n5,Sun\n")
    first, second, third = read_rows(file)
    assert (first, third) == ({"fare": "1", "company": "Flash"}, {"fare": "5", "company": "Sun"})
    assert second == NoRow(reason)


def test_an_open_quote_takes_the_rest_of_the_file(tmp_path: Path) -> None:
    """What a quote that is never closed swallows is told as one piece, from its first line to the last."""
    file = _write(tmp_path, "rows.csv", 'fare,company\n1,Flash\n"2,Sun\n3,Moon\n')
    assert _reasons(file) == {1: "lines 3 to 4, which a quote joins: 1 values, where the header has 2"}


@pytest.mark.parametrize("line", ["{oops", "{'fare': 1}", '{"fare": 1} {"fare": 2}', "fare", '{"fare": ' + "[" * 99999])
def test_a_line_that_is_not_json_is_no_row(tmp_path: Path, line: str) -> None:
    """It is given as none, by its line, and the line behind it is a row."""
    file = _write(tmp_path, "rows.jsonl", f'{{"fare": 1}}\n\n{line}\n{{"fare": 2}}\n')
    (reason,) = _reasons(file).values()
    assert reason.startswith("line 3: not JSON: ")
    assert list(read_rows(file))[::2] == [{"fare": 1}, {"fare": 2}]


@pytest.mark.parametrize("line", ["[1, 2]", "1", "null", '"fare"'])
def test_json_that_is_no_object_is_no_row(tmp_path: Path, line: str) -> None:
    """A line of JSON that is not an object is given with what a row looks like."""
    file = _write(tmp_path, "rows.jsonl", f"{line}\n")
    assert _reasons(file) == {0: 'line 1: not a JSON object such as {"fare": 12.5}'}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", b"fare,company\n1,Flash\n2,K\xf6ln\n3,Z\xc3\xbcrich\n"),
        ("rows.jsonl", b'\n{"company": "Flash"}\n{"company": "K\xf6ln"}\n{"company": "Z\xc3\xbcrich"}\n'),
    ],
)
def test_a_line_in_another_encoding_is_no_row(tmp_path: Path, name: str, content: bytes) -> None:
    """Bytes that are not UTF-8 cost their own row only."""
    file = _write(tmp_path, name, content)
    assert _reasons(file) == {1: "line 3: not utf-8"}
    last = list(read_rows(file))[-1]
    assert isinstance(last, dict)
    assert last["company"] == "Zürich"


@given(content=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_any_file_is_rows_and_pieces_that_are_none(content: bytes, suffix: str) -> None:
    """Whatever bytes a file holds, it is read to its end; only a header with a column twice is refused."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = list(read_rows(_write(Path(folder), f"rows{suffix}", content)))
        except UsageError as refused:
            header = str(refused)
            assert "the header names a column twice" in header
        else:
            assert all(isinstance(row, NoRow | dict) for row in rows)


def test_a_file_may_be_written_as_the_data_is(tmp_path: Path) -> None:
    """Another delimiter, another encoding, and the texts that say that a value is missing."""
    file = _write(tmp_path, "rows.csv", "fare;company\n?;Köln\n".encode("latin-1"))
    assert list(read_rows(file, Form(";", "latin-1", ("?",)))) == [{"fare": None, "company": "Köln"}]
    lines = _write(tmp_path, "rows.jsonl", '{"fare": "NA", "company": ["NA"]}\n')
    assert list(read_rows(lines, Form(missing=("NA",)))) == [{"fare": None, "company": ["NA"]}]


def test_a_file_that_is_not_in_its_encoding_at_all_is_refused(tmp_path: Path) -> None:
    """Where nothing can be told apart, the file is named, with the encoding that it is not in."""
    file = _write(tmp_path, "rows.csv", b"fare\n1\n2")
    with pytest.raises(UsageError, match=r"rows\.csv: is not utf-16: "):
        list(read_rows(file, Form(encoding="utf-16")))


def test_a_header_that_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    """Which of the two is meant cannot be known, of no row."""
    with pytest.raises(UsageError, match="the header names a column twice: fare, fare"):
        list(read_rows(_write(tmp_path, "rows.csv", "fare,fare\n1,2\n")))


def test_json_keeps_types(tmp_path: Path) -> None:
    """A number, a null and a text of a JSON row are a number, None and a text; NaN is a number that is missing."""
    file = _write(tmp_path, "rows.jsonl", '{"fare": 12.5, "hour": null, "company": "Flash", "miles": NaN}\n')
    row = next(read_rows(file))
    assert isinstance(row, dict)
    assert (row["fare"], row["hour"], row["company"]) == (12.5, None, "Flash")
    assert math.isnan(row["miles"])


@pytest.mark.parametrize("name", ["rows.txt", "rows", "rows.json", "rows.csv.gz"])
def test_a_file_of_another_kind_is_refused_before_it_is_read(tmp_path: Path, name: str) -> None:
    """A file whose name ends in neither .csv nor .jsonl is refused at once, with the two that are read."""
    file = _write(tmp_path, name, "fare\n1\n")
    with pytest.raises(UsageError, match=r"ends in \.csv or \.jsonl"):
        read_rows(file)


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_missing_file_is_told_before_a_row_is_asked_for(tmp_path: Path, name: str) -> None:
    """A file that does not exist is told at once, by its name."""
    with pytest.raises(UsageError) as caught:
        read_rows(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: there is no such file."
