"""Rows to predict, from a CSV or a JSON Lines file."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from schema.errors import UsageError

Row = Mapping[str, Any]
LARGEST_FIELD = (1 << 31) - 1  # characters, which csv counts in 32 bits
UNDECODED = re.compile("[\udc80-\udcff]")  # what the error handler surrogateescape puts for a byte


@dataclass(frozen=True)
class NoRow:
    """A piece of a file that is no row, and why."""

    reason: str


@dataclass(frozen=True)
class Form:
    """How a file of rows is written; the defaults are those of the configuration's `data`.

    Attributes:
      delimiter: what separates the values of a CSV.
      encoding: as Python names it.
      missing: texts that say that a value is missing, beside "".
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()


def read_rows(path: Path, form: Form = Form()) -> Iterator[Row | NoRow]:
    """Returns the rows of a .csv or .jsonl file, each a mapping of column to value; values of a CSV are text.

    What is no row (a line that is not JSON, one with too few values, one that is not in the file's encoding) is given
    as such in its place, and the rows behind it as if it were none.

    Raises:
      UsageError: there is no such file, or its name ends in neither; while iterating, the header names a column twice,
        or nothing of the file is in its encoding.
    """
    if path.suffix not in READERS:
        raise UsageError(f"{path}: rows come from a file whose name ends in {' or '.join(READERS)}.")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file.")
    return _rows(path, form)


def _rows(path: Path, form: Form) -> Iterator[Row | NoRow]:
    encoding = "utf-8-sig" if codecs.lookup(form.encoding).name == "utf-8" else form.encoding
    try:
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            for row in READERS[path.suffix](path, file, form):
                yield row if isinstance(row, NoRow) else _without(row, form.missing)
    except UnicodeError as error:
        raise UsageError(f"{path}: is not {form.encoding}: {error}. Save it so.") from None
    except csv.Error as error:
        raise UsageError(f"{path}: cannot be read as CSV: {error}.") from None


def _read_csv(path: Path, file: TextIO, form: Form) -> Iterator[Row | NoRow]:
    csv.field_size_limit(LARGEST_FIELD)
    reader = csv.reader(file, delimiter=form.delimiter)
    names = next((values for values in reader if values), [])
    if len(set(names)) < len(names):
        raise UsageError(f"{path}: the header names a column twice: {', '.join(names)}.")
    ended = reader.line_num
    for values in reader:
        begun, ended = ended + 1, reader.line_num
        if values:
            yield _csv_row(names, values, (begun, ended), form)


def _csv_row(names: list[str], values: list[str], lines: tuple[int, int], form: Form) -> Row | NoRow:
    begun, ended = lines
    place = f"line {begun}" if begun == ended else f"lines {begun} to {ended}, which a quote joins"
    if len(values) != len(names):
        return NoRow(f"{place}: {len(values)} values, where the header has {len(names)}")
    if any(UNDECODED.search(value) for value in values):
        return NoRow(f"{place}: not {form.encoding}")
    return dict(zip(names, values, strict=True))


def _read_json_lines(path: Path, file: TextIO, form: Form) -> Iterator[Row | NoRow]:
    del path
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield _json_row(line, number, form)


def _json_row(line: str, number: int, form: Form) -> Row | NoRow:
    if UNDECODED.search(line):
        return NoRow(f"line {number}: not {form.encoding}")
    try:
        row = json.loads(line.rstrip())
    except json.JSONDecodeError as error:
        return NoRow(f"line {number}: not JSON: {error.msg} at character {error.pos + 1}")
    except (ValueError, RecursionError) as error:  # too many digits, or too deep
        return NoRow(f"line {number}: not JSON: {error}")
    return row if isinstance(row, dict) else NoRow(f'line {number}: not a JSON object such as {{"fare": 12.5}}')


def _without(row: Row, missing: tuple[str, ...]) -> Row:
    if not missing:
        return row
    return {name: None if isinstance(value, str) and value in missing else value for name, value in row.items()}


READERS: dict[str, Callable[[Path, TextIO, Form], Iterator[Row | NoRow]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
}
