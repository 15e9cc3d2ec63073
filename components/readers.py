"""Files to rows, a batch at a time: one function for each format, one row in `READERS`.

A reader yields `Rows`. What cannot be read as what the file says it is raises `DataAnomaly`, which names the file and
the row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet

from components.columns import Hashes, canonical, encode, hash_rows, hash_values
from schema.errors import DataAnomaly

Types = Mapping[str, str]
ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float64(), "BYTES": pa.string()}
NUMBER = "NUMBER"  # the type of a column that some role reads as a number, where no schema says which kind
NUMBERS = ("INT", "FLOAT", NUMBER)
TFRECORDS_A_BATCH = 4096
BLOCK = 1 << 20
LARGEST_ROW = 1 << 24  # bytes: a row must lie within one of Arrow's blocks
LARGEST_BLOCK = (1 << 31) - 1  # Arrow counts bytes of a block, and csv characters of a field, in 32 bits
PARSE = arrow_csv.ParseOptions(newlines_in_values=True)
EMPTY_CSV = "{file}: is empty. A CSV needs a header line with the names of its columns, and rows below it."


@dataclass(frozen=True)
class Rows:
    """Some rows of a file: serialised tf.Examples, and a hash of each row, shape [rows]."""

    examples: list[bytes]
    hashes: Hashes


Reader = Callable[[str, Types, int], Iterator[Rows]]


def read_csv(file: str, types: Types, seed: int) -> Iterator[Rows]:
    """Reads a CSV with a header; `types` gives the type of columns that must have one: INT, FLOAT, BYTES or NUMBER."""
    try:
        for batch in _open_csv(file, types):
            yield _rows(file, batch, seed)
    except pa.ArrowInvalid as error:
        raise DataAnomaly(_explain_csv(file, str(error))) from None
    row = _open_quote(file)
    if row:
        raise DataAnomaly(f"{file}: a quote that opens in row {row} is never closed. Close it, or remove it.")


def read_parquet(file: str, types: Types, seed: int) -> Iterator[Rows]:
    """Reads a Parquet file; its own types are cast to the curated ones."""
    try:
        for batch in arrow_parquet.ParquetFile(file).iter_batches():
            yield _rows(file, _cast(file, canonical_or_raise(file, batch), types), seed)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataAnomaly(f"{file}: cannot be read as Parquet: {_first_line(error)}.") from None


def read_tfrecord(file: str, types: Types, seed: int) -> Iterator[Rows]:
    """Reads a TFRecord of serialised tf.Examples, gzipped or not; a corrupt record stops it."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    del types  # a tf.Example carries its own
    compression = "GZIP" if file.endswith(".gz") else ""
    done = 0
    try:
        for batch in tf.data.TFRecordDataset(file, compression).batch(TFRECORDS_A_BATCH).as_numpy_iterator():
            for record in batch:
                tf.train.Example.FromString(record)
                done += 1
            yield Rows(list(batch), hash_values(np.asarray(batch, dtype=object), seed))
    except tf.errors.DataLossError:
        whole = _whole_records(tf.data.TFRecordDataset(file, compression))
        raise DataAnomaly(f"{file}: is corrupt after record {whole}. Restore the file, or write it again.") from None
    except DecodeError:
        raise DataAnomaly(
            f"{file}: record {done + 1} is no tf.Example. Write the file again, as tf.Examples."
        ) from None


def _whole_records(records: Any) -> int:
    """How many records of a tf.data.Dataset can be read before the first that cannot."""
    whole = 0
    with suppress(Exception):  # it is known to be corrupt, and that is what is counted up to
        for _ in records:
            whole += 1
    return whole


def csv_columns(file: str) -> list[str]:
    """Returns the names in a CSV's header."""
    header = next((row for _, row in _numbered_rows(file)), None)
    if header is None:
        raise DataAnomaly(EMPTY_CSV.format(file=file))
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataAnomaly(f"{file}: the header names {', '.join(twice)} twice. Give each column a name of its own.")
    return header


def parquet_columns(file: str) -> list[str]:
    """Returns the names of a Parquet file's columns."""
    try:
        names: list[str] = arrow_parquet.read_schema(file).names
    except pa.ArrowInvalid as error:
        raise DataAnomaly(f"{file}: cannot be read as Parquet: {_first_line(error)}.") from None
    return names


def tfrecord_columns(file: str) -> list[str]:
    """Returns no names: a TFRecord has none but those of its records."""
    del file
    return []


READERS: dict[str, Reader] = {"csv": read_csv, "parquet": read_parquet, "tfrecord": read_tfrecord}
COLUMNS: dict[str, Callable[[str], list[str]]] = {
    "csv": csv_columns,
    "parquet": parquet_columns,
    "tfrecord": tfrecord_columns,
}


def canonical_or_raise(file: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the batch in its canonical form; an error names the file."""
    try:
        return canonical(batch)
    except DataAnomaly as error:
        raise DataAnomaly(f"{file}: {error}") from None


def _rows(file: str, batch: pa.RecordBatch, seed: int) -> Rows:
    rows = canonical_or_raise(file, batch)
    return Rows(encode(rows), hash_rows(rows, seed))


def _open_csv(file: str, types: Types) -> Iterator[pa.RecordBatch]:
    header = csv_columns(file)
    known = {name: ARROW_TYPES[types[name]] for name in header if types.get(name) in ARROW_TYPES}
    inferred = {} if len(known) == len(header) else _inferred_types(file, known)
    for name, kind in inferred.items():
        if types.get(name) == NUMBER and pa.types.is_string(kind):
            known[name] = pa.float64()  # its first text that is no number will be named
    blocks = arrow_csv.ReadOptions(block_size=LARGEST_ROW)
    yield from arrow_csv.open_csv(file, blocks, PARSE, _convert_options(inferred | known))


def _inferred_types(file: str, known: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
    """The types of all columns, inferred from the whole file: Arrow looks at one block, so the file is made one."""
    whole = arrow_csv.ReadOptions(block_size=min(max(Path(file).stat().st_size, 1), LARGEST_BLOCK))
    table = arrow_csv.read_csv(file, whole, PARSE, _convert_options(known))
    return {field.name: _text_or(field.type) for field in table.schema}


def _text_or(inferred: pa.DataType) -> pa.DataType:
    """Text for a column without a value, and for one that is no valid text, which is thereby refused."""
    return pa.string() if pa.types.is_null(inferred) or pa.types.is_binary(inferred) else inferred


def _convert_options(types: dict[str, pa.DataType]) -> arrow_csv.ConvertOptions:
    return arrow_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)


def _cast(file: str, batch: pa.RecordBatch, types: Types) -> pa.RecordBatch:
    """The canonical batch with its columns as the schema has them."""
    names = batch.schema.names
    columns = [_cast_column(file, name, column, types.get(name)) for name, column in zip(names, batch, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names)


def _cast_column(file: str, name: str, column: pa.Array, wanted: str | None) -> pa.Array:
    is_text = pa.types.is_binary(column.type)
    if is_text and wanted in NUMBERS:
        raise DataAnomaly(f"{file}: column {name!r} is text, where the schema or the column's role wants a number.")
    if is_text or wanted not in ARROW_TYPES:
        return column
    try:
        return column.cast(ARROW_TYPES[wanted])
    except pa.ArrowInvalid as error:
        raise DataAnomaly(f"{file}: column {name!r}, where the schema says {wanted}: {_first_line(error)}.") from None


def _explain_csv(file: str, message: str) -> str:
    if "Empty CSV" in message:
        return EMPTY_CSV.format(file=file)
    if "invalid UTF8" in message:
        return f"{file}: is not UTF-8. Save it as UTF-8."
    if re.search(r"Expected \d+ columns, got \d+", message):
        return _explain_ragged(file)
    value = re.search(r"In CSV column #(\d+).*conversion error to (\w+): invalid value '(.*)'", message, re.DOTALL)
    if value:
        return _explain_value(file, int(value[1]), "an integer" if "int" in value[2] else "a number", value[3])
    return f"{file}: cannot be read as CSV: {message.rstrip('.')}."


def _explain_ragged(file: str) -> str:
    rows = _numbered_rows(file)
    _, header = next(rows)
    number, row = next((number, row) for number, row in rows if len(row) != len(header))
    return (
        f"{file}: row {number} has {len(row)} values and the header has {len(header)}: {','.join(row)[:80]}. "
        "Mend or remove that row."
    )


def _explain_value(file: str, column: int, wanted: str, value: str) -> str:
    rows = _numbered_rows(file)
    _, header = next(rows)
    number = next((str(number) for number, row in rows if row[column].strip() == value.strip()), "?")
    return (
        f"{file}: row {number}, column {header[column]!r} holds {value!r}, where the schema or the column's role wants "
        f"{wanted}. Mend the row, or give the column another type or role."
    )


def _numbered_rows(file: str, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers: the header is row 1, and blank lines do not count."""
    csv.field_size_limit(LARGEST_BLOCK)
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as lines:
            yield from enumerate((row for row in csv.reader(lines, strict=strict) if row), start=1)
    except UnicodeDecodeError as error:
        raise DataAnomaly(f"{file}: is not UTF-8: {error.reason} at byte {error.start}. Save it as UTF-8.") from None


def _open_quote(file: str) -> int | None:
    """The number of the row in which a quote opens that is never closed; None where there is no such row."""
    with Path(file).open("rb") as content:
        if not any(b'"' in block for block in iter(lambda: content.read(BLOCK), b"")):
            return None
    number = 0
    try:
        for number, _ in _numbered_rows(file, strict=True):  # noqa: B007  # it is told after the loop
            pass
    except csv.Error as error:
        return number + 1 if "unexpected end of data" in str(error) else None
    return None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
