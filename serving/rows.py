"""Rows to predict, from a CSV or a JSON Lines file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from schema.errors import UsageError

Row = Mapping[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """Returns the rows of a .csv or .jsonl file, each a mapping of column to value; values of a CSV are text.

    Raises:
      UsageError: there is no such file, or its name ends in neither; while iterating, a row that cannot be read.
    """
    if path.suffix not in READERS:
        raise UsageError(f"{path}: rows come from a file whose name ends in {' or '.join(READERS)}.")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file.")
    return _with_clear_errors(path, READERS[path.suffix](path))


def _with_clear_errors(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8: {error.reason} at byte {error.start}. Save it as UTF-8.") from None
    except csv.Error as error:
        raise UsageError(f"{path}: cannot be read as CSV: {error}.") from None


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or ()
        if len(set(names)) < len(names):
            raise UsageError(f"{path}: the header names a column twice: {', '.join(names)}.")
        for row in reader:
            if None in row or None in row.values():
                raise UsageError(
                    f"{path}: line {reader.line_num} does not have {len(names)} values as the header does."
                )
            yield row


def _read_json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _parse_line(path, number, line)


def _parse_line(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: line {number} is not JSON: {error}.") from None
    if not isinstance(row, dict):
        raise UsageError(f'{path}: line {number} is not a JSON object such as {{"fare": 12.5}}.')
    return row


READERS: dict[str, Callable[[Path], Iterator[Row]]] = {".csv": _read_csv, ".jsonl": _read_json_lines}
