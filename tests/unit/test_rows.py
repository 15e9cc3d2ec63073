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
from serving.rows import read_rows

COLUMNS = ("fare", "company", "note")
CSV_ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, st.text(max_size=20))), max_size=10)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON_ROWS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=10)


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def _refusal(file: Path) -> str:
    with pytest.raises(UsageError) as caught:
        list(read_rows(file))
    return str(caught.value)


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
    assert [row["note"] for row in read_rows(file)] == ["two\nlines, and a comma", "plain"]


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    """Blank lines, of which editors leave some at the end, are passed over in both formats."""
    assert len(list(read_rows(_write(tmp_path, "rows.csv", "fare,company\n\n1,Flash\n\n")))) == 1
    assert len(list(read_rows(_write(tmp_path, "rows.jsonl", '\n{"fare": 1}\n  \n')))) == 1


@pytest.mark.parametrize("content", ["", "fare,company\n"], ids=["empty", "header only"])
def test_a_csv_without_rows_gives_none(tmp_path: Path, content: str) -> None:
    """A CSV that has no line below its header has no rows."""
    assert list(read_rows(_write(tmp_path, "rows.csv", content))) == []


@pytest.mark.parametrize(("line", "number"), [("3", 3), ("3,Flash,extra", 3), ('"3\n4"', 4)])
def test_a_ragged_row_is_named_by_its_line(tmp_path: Path, line: str, number: int) -> None:
    """A row with more or fewer values than the header is refused by file and line, with the number it should have."""
    file = _write(tmp_path, "rows.csv", f"fare,company\n1,Flash\n{line}\n")
    assert _refusal(file) == f"{file}: line {number} does not have 2 values as the header does."


def test_rows_before_a_bad_one_are_given(tmp_path: Path) -> None:
    """Rows are read as they are asked for, so that those before a bad one come first."""
    rows = read_rows(_write(tmp_path, "rows.csv", "fare,company\n1,Flash\n2\n"))
    assert next(rows) == {"fare": "1", "company": "Flash"}
    with pytest.raises(UsageError):
        next(rows)


@pytest.mark.parametrize("line", ["{oops", "{'fare': 1}", '{"fare": 1} {"fare": 2}', "fare"])
def test_bad_json_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    """A line that is not JSON is refused by file and line."""
    file = _write(tmp_path, "rows.jsonl", f'{{"fare": 1}}\n\n{line}\n')
    assert _refusal(file).startswith(f"{file}: line 3 is not JSON: ")


@pytest.mark.parametrize("line", ["[1, 2]", "1", "null", '"fare"'])
def test_json_that_is_no_object_is_refused(tmp_path: Path, line: str) -> None:
    """A line of JSON that is not an object is refused with what a row looks like."""
    file = _write(tmp_path, "rows.jsonl", f"{line}\n")
    assert _refusal(file) == f'{file}: line 1 is not a JSON object such as {{"fare": 12.5}}.'


def test_json_keeps_types(tmp_path: Path) -> None:
    """A number, a null and a text of a JSON row are a number, None and a text; NaN is a number that is missing."""
    file = _write(tmp_path, "rows.jsonl", '{"fare": 12.5, "hour": null, "company": "Flash", "miles": NaN}\n')
    row = next(read_rows(file))
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
