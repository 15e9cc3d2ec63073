"""CSV and its kin: Arrow parses; where a bad row stands in its file is found with Python's csv module."""

from __future__ import annotations

import csv
import io
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from components.ranges import Range, can_be_cut, cut_by_rows
from components.readers.kinds import Place
from components.rows import BadRow, Batch, Numbers
from components.source_options import SourceOptions
from components.text import MARKING, NOT_TEXT, Utf8, open_lines, open_utf8
from schema.errors import DataAnomaly

LARGEST_ROW = 1 << 24  # bytes: a row must lie within one of Arrow's blocks
LARGEST_FIELD = (1 << 31) - 1  # characters, which csv counts in 32 bits
EMPTY = "{file}: is empty. A CSV needs a header line with the names of its columns, and rows below it."
END = "end"
SECONDS_TO_RELEASE = 5.0
Ragged = tuple[int, int]  # the number of a row, and how many values it has


def read(
    file: str, options: SourceOptions, part: Range | None = None, block_size: int = LARGEST_ROW
) -> Iterator[Batch]:
    """Yields the rows under the header, all values as text; `numbers` counts rows, the header being row 1.

    Raises:
      DataAnomaly: it is empty, a row is longer than `block_size` bytes, or a quote in it is never closed.
    """
    header = columns(file, options)
    ragged: list[Ragged] = []
    following, may_be_open = 2, False
    with open_utf8(file, options.encoding, part=part) as text:
        for batch in _with_clear_errors(file, _parse(text, header, options, block_size, ragged.append)):
            numbers = _numbers_from(following, batch.num_rows, [number for number, _ in ragged])
            following = int(numbers[-1]) + 1 if len(numbers) else following
            passed, ragged[:] = _parted(ragged, following)
            whole = _without_marked(batch, numbers, options) if text.is_marked else Batch(batch, numbers)
            may_be_open = _ends_in_line_break(batch) if batch.num_rows else may_be_open
            yield Batch(whole.columns, whole.numbers, (*whole.broken, *_broken(passed, header)))
        if ragged:
            yield Batch(pa.RecordBatch.from_pylist([]), np.array([], np.int64), _broken(ragged, header))
    if ragged or may_be_open or text.quotes % 2:
        _check_quotes(file, options, part)


def columns(file: str, options: SourceOptions) -> list[str]:
    """Returns the names in the header.

    Raises:
      DataAnomaly: there is none, it is not in its encoding, or it names a column twice, or one not at all.
    """
    with open_lines(file, options.encoding, MARKING) as lines:
        header = next((row for row in _parse_slowly(lines, options) if row), None)
    if header is None:
        raise DataAnomaly(EMPTY.format(file=file))
    if any(NOT_TEXT in name for name in header):
        raise DataAnomaly(
            f"{file}: its header is not {options.encoding}. Save the file in that encoding, or set data.encoding (for "
            "example latin-1)."
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataAnomaly(f"{file}: the header names {', '.join(twice)} twice. Give each column a name of its own.")
    if "" in header:
        raise DataAnomaly(f"{file}: column {header.index('') + 1} has no name in the header. Give it one.")
    return header


def locate(file: str, options: SourceOptions, part: Range | None = None) -> Iterator[Place]:
    """Yields the number of each row, the line on which it begins, from 1, and the row as it stands in the file."""
    taken: list[str] = []
    with open_lines(file, options.encoding, part=part) as lines:
        number, line = 0, 1
        for row in _parse_slowly(_noting(lines, taken), options):
            number += bool(row)
            if row:
                yield number, line, "".join(taken).rstrip("\r\n")
            line += len(taken)
            taken.clear()


def cut(file: str, options: SourceOptions, size: int) -> list[Range]:
    """Returns parts of whole rows, each to be read behind the header; none where quotes or encoding forbid it."""
    if not can_be_cut(file, options.encoding):
        return []
    try:
        header = _size_of_header(file, options)
    except DataAnomaly:
        return []  # which the reader explains
    return cut_by_rows(file, header, size, options.delimiter)


def _size_of_header(file: str, options: SourceOptions) -> int:
    """How many bytes the lines of the header take, with blank ones before it."""
    taken: list[str] = []
    with open_lines(file, options.encoding) as lines:
        next((row for row in _parse_slowly(_noting(lines, taken), options) if row), None)
    return len("".join(taken).encode(options.encoding.replace("-sig", "")))


def _parse(
    text: Utf8, header: list[str], options: SourceOptions, block_size: int, note: Callable[[Ragged], None]
) -> Iterator[pa.RecordBatch]:
    def skip(row: arrow_csv.InvalidRow) -> str:
        note((row.number, row.actual_columns))
        return "skip"

    reading = arrow_csv.ReadOptions(block_size=block_size, use_threads=False)
    parsing = arrow_csv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True, invalid_row_handler=skip)
    converting = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()),
        null_values=["", *options.missing],
        strings_can_be_null=True,
    )
    stream = io.BufferedReader(text)
    reader = arrow_csv.open_csv(stream, reading, parsing, converting)
    released = weakref.ref(stream)
    del stream
    try:
        yield from reader
    finally:
        del reader
        _wait_for(released)


def _wait_for(released: weakref.ref[Any]) -> None:
    """Waits until Arrow's reading thread has let go of a file: Python aborts where it ends while that thread reads."""
    give_up = time.monotonic() + SECONDS_TO_RELEASE
    while released() is not None and time.monotonic() < give_up:
        time.sleep(0.001)


def _with_clear_errors(file: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return  # a header without the end of its line
        if "straddling object" in str(error):
            raise DataAnomaly(
                f"{file}: a row is longer than {LARGEST_ROW >> 20} MiB. Is a quote missing? Else shorten the row."
            ) from None
        raise DataAnomaly(f"{file}: cannot be read as CSV: {str(error).rstrip('.')}.") from None


def _parse_slowly(lines: Iterable[str], options: SourceOptions) -> Iterator[list[str]]:
    """The rows by Python's csv module, which reads them as Arrow does; blank lines as rows without values."""
    csv.field_size_limit(LARGEST_FIELD)
    return csv.reader(lines, delimiter=options.delimiter)


def _noting(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    """The lines, each also put at the end of `taken`."""
    for line in lines:
        taken.append(line)
        yield line


def _numbers_from(first: int, count: int, left_out: list[int]) -> Numbers:
    """The next `count` numbers from `first` on, without those of rows that were left out."""
    candidates = np.arange(first, first + count + len(left_out))
    return candidates[~np.isin(candidates, left_out)][:count]


def _parted(ragged: list[Ragged], end: int) -> tuple[list[Ragged], list[Ragged]]:
    """Those before the row `end`, and those after it."""
    return [row for row in ragged if row[0] < end], [row for row in ragged if row[0] >= end]


def _broken(ragged: Iterable[Ragged], header: list[str]) -> tuple[BadRow, ...]:
    return tuple(BadRow(number, f"has {values} values and the header has {len(header)}") for number, values in ragged)


def _without_marked(batch: pa.RecordBatch, numbers: Numbers, options: SourceOptions) -> Batch:
    """The batch without the rows that hold bytes which are not in the encoding; these are broken."""
    reasons: dict[int, str] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for at in np.flatnonzero(pc.fill_null(pc.match_substring(column, NOT_TEXT), fill_value=False)):
            reasons.setdefault(int(at), f"{name!r} holds bytes that are not {options.encoding}")
    whole = ~np.isin(np.arange(batch.num_rows), list(reasons))
    broken = tuple(BadRow(int(numbers[at]), reason) for at, reason in reasons.items())
    return Batch(batch.filter(whole), numbers[whole], broken)


def _ends_in_line_break(batch: pa.RecordBatch) -> bool:
    """Whether the last value of all holds a line break, as one does that a quote opens which is never closed."""
    last = batch.columns[-1][-1].as_py()
    return last is not None and ("\n" in last or "\r" in last)


def _check_quotes(file: str, options: SourceOptions, part: Range | None) -> None:
    """Holds that each quote is closed: a line behind the last must then be a row of its own."""
    with open_lines(file, options.encoding, part=part) as lines:
        number, last = 0, [END]
        for last in _parse_slowly(chain(lines, [END]), options):
            number += bool(last)
    if last != [END]:
        raise DataAnomaly(f"{file}: a quote that opens in row {number} is never closed. Close it, or remove it.")
