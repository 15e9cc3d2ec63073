"""CSV and its kin: Arrow parses, and what it cannot parse is found again by line with Python's csv module."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from components.files import open_local
from components.rows import BadRow, Batch, Numbers
from components.source_options import SourceOptions
from schema.errors import DataAnomaly

LARGEST_ROW = 1 << 24  # bytes: a row must lie within one of Arrow's blocks
LARGEST_FIELD = (1 << 31) - 1  # characters, which csv counts in 32 bits
BLOCK = 1 << 20
EMPTY = "{file}: is empty. A CSV needs a header line with the names of its columns, and rows below it."
UTF_8 = ("utf-8", "utf8")


def read(file: str, options: SourceOptions) -> Iterator[Batch]:
    """Yields the rows under the header, all values as text; `numbers` counts rows, the header being row 1.

    Raises:
      DataAnomaly: it is empty, or not in its encoding, or a quote in it is never closed.
    """
    header = columns(file, options)
    ragged: list[tuple[int, str]] = []
    batches = _open(file, header, options, lambda row: ragged.append((row.number, row.text)))
    following = 2
    for batch in _with_clear_errors(file, options, batches):
        numbers = _numbers_from(following, batch.num_rows, [number for number, _ in ragged])
        following = int(numbers[-1]) + 1 if len(numbers) else following
        yield Batch(batch, numbers)
    if ragged:
        yield Batch(pa.RecordBatch.from_pylist([]), np.array([], np.int64), _ragged_rows(ragged, header, options))
    row = _open_quote(file, options)
    if row:
        raise DataAnomaly(f"{file}: a quote that opens in row {row} is never closed. Close it, or remove it.")


def columns(file: str, options: SourceOptions) -> list[str]:
    """Returns the names in the header.

    Raises:
      DataAnomaly: there is none, or it names a column twice, or one not at all.
    """
    header = next((row for _, _, row in _rows_and_lines(file, options)), None)
    if header is None:
        raise DataAnomaly(EMPTY.format(file=file))
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataAnomaly(f"{file}: the header names {', '.join(twice)!r} twice. Give each column a name of its own.")
    if "" in header:
        raise DataAnomaly(f"{file}: column {header.index('') + 1} has no name in the header. Give it one.")
    return header


def locate(file: str, options: SourceOptions, numbers: Collection[int]) -> dict[int, tuple[int, str]]:
    """Returns for each row's number the line on which it begins, from 1, and the row as it stands in the file."""
    wanted, found = set(numbers), {}
    taken: list[str] = []
    with _open_text(file, options) as lines:
        rows = csv.reader(_noting(lines, taken), delimiter=options.delimiter)
        number = 0
        for row in rows:
            number += bool(row)
            if row and number in wanted:
                found[number] = (rows.line_num - len(taken) + 1, "".join(taken).rstrip("\r\n"))
            taken.clear()
    return found


def _open(
    file: str, header: list[str], options: SourceOptions, note_ragged: Callable[[arrow_csv.InvalidRow], None]
) -> Iterator[pa.RecordBatch]:
    def skip(row: arrow_csv.InvalidRow) -> str:
        note_ragged(row)
        return "skip"

    reading = arrow_csv.ReadOptions(block_size=LARGEST_ROW, use_threads=False, encoding=options.encoding)
    parsing = arrow_csv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True, invalid_row_handler=skip)
    converting = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.binary()),
        null_values=["", *options.missing],
        strings_can_be_null=True,
    )
    yield from arrow_csv.open_csv(file, reading, parsing, converting)


def _with_clear_errors(
    file: str, options: SourceOptions, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except (pa.ArrowInvalid, UnicodeError) as error:
        raise DataAnomaly(_explain(file, options, str(error))) from None


def _explain(file: str, options: SourceOptions, message: str) -> str:
    if "Empty CSV" in message:
        return EMPTY.format(file=file)
    if "straddling object" in message:
        return f"{file}: a row is longer than {LARGEST_ROW >> 20} MiB. Is a quote missing? Else shorten the row."
    if "codec can't decode" in message:
        return _not_in_encoding(file, options, message)
    return f"{file}: cannot be read as CSV: {message.rstrip('.')}."


def _not_in_encoding(file: str, options: SourceOptions, message: str) -> str:
    return (
        f"{file}: is not {options.encoding}: {message.rstrip('.')}. Save it in that encoding, or set data.encoding "
        "(for example latin-1)."
    )


def _open_text(file: str, options: SourceOptions) -> TextIO:
    csv.field_size_limit(LARGEST_FIELD)
    encoding = "utf-8-sig" if options.encoding.lower() in UTF_8 else options.encoding
    return io.TextIOWrapper(open_local(file), encoding, errors="backslashreplace", newline="")


def _noting(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    """The lines, each also put at the end of `taken`."""
    for line in lines:
        taken.append(line)
        yield line


def _numbers_from(first: int, count: int, left_out: list[int]) -> Numbers:
    """The next `count` numbers from `first` on, without those of rows that were left out."""
    skipped = np.array([number for number in left_out if number >= first], np.int64)
    candidates = np.arange(first, first + count + len(skipped))
    return candidates[~np.isin(candidates, skipped)][:count]


def _ragged_rows(ragged: list[tuple[int, str]], header: list[str], options: SourceOptions) -> tuple[BadRow, ...]:
    return tuple(
        BadRow(number, f"has {_width(text, options)} values and the header has {len(header)}", text)
        for number, text in ragged
    )


def _width(text: str, options: SourceOptions) -> int:
    return len(next(csv.reader([text], delimiter=options.delimiter), []))


def _rows_and_lines(file: str, options: SourceOptions, *, strict: bool = False) -> Iterator[tuple[int, int, list[str]]]:
    """The rows with their numbers and the line on which each ends: the header is row 1, blank lines do not count."""
    try:
        with _open_text(file, options) as lines:
            rows = csv.reader(lines, delimiter=options.delimiter, strict=strict)
            for number, row in enumerate((row for row in rows if row), start=1):
                yield number, rows.line_num, row
    except UnicodeError as error:
        raise DataAnomaly(_not_in_encoding(file, options, str(error))) from None


def _open_quote(file: str, options: SourceOptions) -> int | None:
    """The number of the row in which a quote opens that is never closed; None where there is no such row."""
    with open_local(file) as content:
        quotes = sum(block.count(b'"') for block in iter(lambda: content.read(BLOCK), b""))
    if quotes % 2 == 0:
        return None
    number = 0
    try:
        for number, _, _ in _rows_and_lines(file, options, strict=True):  # noqa: B007  # it is told after the loop
            pass
    except csv.Error as error:
        return number + 1 if "unexpected end of data" in str(error) else None
    return None
