"""Files to rows, a batch at a time: one function for each format, one row in `READERS`.

A reader yields `Rows`. What cannot be read as what the file says it is raises `DataAnomaly`, which names the file and
the row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet

from components.columns import Hashes, canonical, encode, hash_rows, hash_values
from schema.errors import DataAnomaly

Types = Mapping[str, str]
ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float64(), "BYTES": pa.string()}
NUMBER = "NUMBER"  # the type of a column that some role reads as a number, where no schema says which kind
TFRECORDS_A_BATCH = 4096
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
            yield _rows(batch, seed)
    except pa.ArrowInvalid as error:
        raise DataAnomaly(_explain_csv(file, str(error))) from None


def read_parquet(file: str, types: Types, seed: int) -> Iterator[Rows]:
    """Reads a Parquet file; its own types are cast to the curated ones."""
    try:
        for batch in arrow_parquet.ParquetFile(file).iter_batches():
            yield _rows(_cast(file, batch, types), seed)
    except pa.ArrowInvalid as error:
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
    except (tf.errors.DataLossError, DecodeError) as error:
        raise DataAnomaly(
            f"{file}: is corrupt after record {done}: {_first_line(error)}. Restore the file or write it again."
        ) from None


def csv_columns(file: str) -> list[str]:
    """Returns the names in a CSV's header."""
    with Path(file).open(encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines), None)
    if not header:
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


def _rows(batch: pa.RecordBatch, seed: int) -> Rows:
    rows = canonical(batch)
    return Rows(encode(rows), hash_rows(rows, seed))


def _open_csv(file: str, types: Types) -> Iterator[pa.RecordBatch]:
    header = csv_columns(file)
    known = {name: ARROW_TYPES[types[name]] for name in header if types.get(name) in ARROW_TYPES}
    inferred = {} if len(known) == len(header) else _inferred_types(file, known)
    for name, kind in inferred.items():
        if types.get(name) == NUMBER and pa.types.is_string(kind):
            known[name] = pa.float64()  # its first text that is no number will be named
    yield from arrow_csv.open_csv(file, convert_options=_convert_options(inferred | known))


def _inferred_types(file: str, known: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
    """The types of all columns, inferred from the whole file: Arrow looks at one block, so the file is made one."""
    whole = arrow_csv.ReadOptions(block_size=max(Path(file).stat().st_size, 1))
    table = arrow_csv.read_csv(file, read_options=whole, convert_options=_convert_options(known))
    return {field.name: pa.string() if pa.types.is_null(field.type) else field.type for field in table.schema}


def _convert_options(types: dict[str, pa.DataType]) -> arrow_csv.ConvertOptions:
    return arrow_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)


def _cast(file: str, batch: pa.RecordBatch, types: Types) -> pa.RecordBatch:
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            wanted = ARROW_TYPES.get(types.get(name, ""), column.type)
            columns.append(column if pa.types.is_binary(column.type) else column.cast(wanted))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataAnomaly(
                f"{file}: column {name!r} is {column.type} and the schema says {types[name]}: {_first_line(error)}."
            ) from None
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _explain_csv(file: str, message: str) -> str:
    if "Empty CSV" in message:
        return EMPTY_CSV.format(file=file)
    if re.search(r"Expected \d+ columns, got \d+", message):
        return _explain_ragged(file)
    text = re.search(r"In CSV column #(\d+).*invalid value '(.*)'", message, re.DOTALL)
    if text:
        return _explain_text(file, int(text[1]), text[2])
    return f"{file}: cannot be read as CSV: {message.rstrip('.')}."


def _explain_ragged(file: str) -> str:
    header, *rows = _numbered_rows(file, lambda row, header: len(row) != len(header))
    number, row = rows[0]
    return (
        f"{file}: row {number} has {len(row)} values and the header has {len(header[1])}: {','.join(row)[:80]}. "
        "Mend or remove that row."
    )


def _explain_text(file: str, column: int, value: str) -> str:
    header, *rows = _numbered_rows(file, lambda row, _: row[column] == value)
    number, name = rows[0][0] if rows else "?", header[1][column]
    return (
        f"{file}: row {number}, column {name!r} holds {value!r}, where the schema or the column's role wants a number. "
        "Mend the row, or give the column another type or role."
    )


def _numbered_rows(file: str, wanted: Callable[[list[str], list[str]], bool]) -> list[tuple[int, list[str]]]:
    """The header, which is row 1, and the first row that is wanted, each with its number; blank lines do not count."""
    with Path(file).open(encoding="utf-8-sig", newline="") as lines:
        rows = enumerate((row for row in csv.reader(lines) if row), start=1)
        header = next(rows)
        return [header, *islice((row for row in rows if wanted(row[1], header[1])), 1)]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
