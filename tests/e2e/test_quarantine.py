"""Bad rows go to a quarantine, are counted, and stop the run where there are too many."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Folder, trips

pytestmark = pytest.mark.e2e
EVERY = 100  # one row in so many is bad
TWO_LINES = 'Taxi\nCo, "Ltd"'  # so that lines and rows are not the same


def spoil(folder: Folder) -> list[int]:
    """Makes one row in a hundred bad, in three ways; returns the lines on which these rows stand."""
    header, *rows = trips()
    fare, tips, company = (header.index(name) for name in ("fare", "tips", "company"))
    lines, bad = 2, []
    with folder.data.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for number, row in enumerate(rows):
            way = number // EVERY % 3 if number % EVERY == EVERY - 1 else None
            if way is not None:
                bad.append(lines)
            elif number % 7 == 0:
                row[company] = TWO_LINES
            row[fare] = "twelve" if way == 1 else row[fare]
            row[tips] = "" if way == 2 else row[tips]
            writer.writerow(row[:5] if way == 0 else row)
            lines += 2 if row[company] == TWO_LINES else 1
    return bad


def test_every_row_is_accounted_for(folder: Folder) -> None:
    """With 1 % of bad rows: rows in equal rows in splits and rows in quarantine, each of those with its line."""
    lines = spoil(folder)
    done = folder.run("--json", "--set", "gates.rows.max_quarantined=0.02")
    summary = json.loads(done.stdout)
    assert summary["quarantined"] == len(lines)
    assert sum(summary["rows"].values()) + summary["quarantined"] == len(trips()) - 1
    assert f"{len(trips()) - 1:,} read = " in done.stderr
    quarantine = [json.loads(line) for line in Path(summary["quarantine"]).read_text().splitlines()]
    assert sorted(row["line"] for row in quarantine) == lines
    text = folder.data.read_text().split("\n")
    assert all(text[row["line"] - 1] == row["row"].split("\n")[0] for row in quarantine)
    assert {row["reason"].split()[0] for row in quarantine} == {"has", "'fare'", "'tips'"}


def test_too_many_bad_rows_stop_the_run(folder: Folder) -> None:
    """Above the fraction that may be bad, the run ends with exit code 3, shows the first and says where all are."""
    lines = spoil(folder)
    done = folder.run()
    assert done.returncode == 3
    assert f"{len(lines)} of {len(trips()) - 1:,} rows" in done.stderr
    assert "gates.rows.max_quarantined allows 0.10%" in done.stderr
    assert f"line {lines[0]}: has 5 values" in done.stderr
    (kept,) = (folder.workdir / "root" / "quarantine").rglob("rows.jsonl")
    assert len(kept.read_text().splitlines()) == len(lines)
    assert str(kept) in done.stderr
