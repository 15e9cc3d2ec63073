from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.quarantine import ROW_SHOWN, SHOWN, Quarantine, line, unreadable
from components.rows import BadRow
from schema.errors import DataAnomaly


def quarantine(folder: Path, *lines: str) -> Quarantine:
    """Returns a quarantine with those lines."""
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{one}\n" for one in lines))
    return Quarantine(path)


def bad(number: int, row: str = "1,2") -> str:
    """Returns the line of a bad row."""
    return line("trips.csv", BadRow(number, "is bad", row))


def test_a_row_is_kept_as_one_line_of_json() -> None:
    """File, line, reason and the raw row, whatever characters it has, stand in one line."""
    kept = line("trips.csv", BadRow(7, "is ünfit", 'a,"b\nc"\u2028'))
    assert kept.count("\n") == 0
    assert json.loads(kept) == {"file": "trips.csv", "line": 7, "reason": "is ünfit", "row": 'a,"b\nc"\u2028'}


@pytest.mark.parametrize(("bad_rows", "rows", "limit"), [(0, 10, 0.0), (1, 1000, 0.001), (10, 10, 1.0)])
def test_as_many_bad_rows_as_are_allowed_pass(tmp_path: Path, bad_rows: int, rows: int, limit: float) -> None:
    """The limit is the largest fraction that may be, itself included."""
    quarantine(tmp_path, *map(bad, range(bad_rows))).check(bad_rows, rows, limit)


@pytest.mark.parametrize(("bad_rows", "rows", "limit"), [(1, 10_000, 0.0), (2, 1999, 0.001), (1, 1, 0.99)])
def test_more_bad_rows_than_are_allowed_stop_the_run(tmp_path: Path, bad_rows: int, rows: int, limit: float) -> None:
    """One row beyond the limit is refused; the message says how many of how many, the limit and the key."""
    with pytest.raises(DataAnomaly) as refused:
        quarantine(tmp_path, *map(bad, range(bad_rows))).check(bad_rows, rows, limit)
    message = str(refused.value)
    assert message.startswith(f"{bad_rows} of {rows:,} rows ({bad_rows / rows:.2%}) cannot be used")
    assert f"gates.rows.max_quarantined allows {limit:.2%}" in message


def test_the_first_bad_rows_are_shown_and_the_file_named(tmp_path: Path) -> None:
    """A person sees some, each cut to a line's length, and where all are."""
    kept = quarantine(tmp_path, bad(2, "x" * 1000), *map(bad, range(3, 9)))
    with pytest.raises(DataAnomaly) as refused:
        kept.check(7, 10, 0.1)
    _, *shown, dots, last = str(refused.value).splitlines()
    assert shown[0] == f"trips.csv: line 2: is bad: {'x' * ROW_SHOWN}…"
    assert [one.split(":")[1] for one in shown] == [f" line {number}" for number in range(2, 2 + SHOWN)]
    assert dots == "…"
    assert str(kept.path) in last


def test_a_file_that_could_not_be_read_stops_the_run(tmp_path: Path) -> None:
    """The message is the reader's, whatever the limit; several files are all named."""
    kept = quarantine(
        tmp_path, bad(1), unreadable("a.csv", "a.csv: is corrupt."), unreadable("b.csv", "b.csv: is empty.")
    )
    with pytest.raises(DataAnomaly) as refused:
        kept.check_readable()
    assert str(refused.value) == "a.csv: is corrupt.\nb.csv: is empty."


def test_no_file_is_no_bad_row(tmp_path: Path) -> None:
    """Where every row could be used, nothing was written."""
    kept = Quarantine(tmp_path / "rows.jsonl")
    kept.check_readable()
    kept.check(0, 10, 0.0)
