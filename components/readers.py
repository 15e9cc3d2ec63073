"""Files to rows, a batch at a time: one function for each format, one row in `READERS`.

A reader yields `Rows`. What cannot be read as what the file says it is raises `DataAnomaly`, which names the file and
the row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet

from components.columns import Hashes, canonical, encode, hash_rows, hash_values
from schema.errors import DataAnomaly

Types = Mapping[str, str]
ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float64(), "BYTES": pa.string()}
TFRECORDS_A_BATCH = 4096


@dataclass(frozen=True)
class Rows:
    """Some rows of a file: serialised tf.Examples, and a hash of each row, shape [rows]."""

    examples: list[bytes]
    hashes: Hashes


Reader = Callable[[str, Types, int], Iterator[Rows]]


def read_csv(file: str, types: Types, seed: int) -> Iterator[Rows]:
    """Reads a CSV with a header; `types` gives the type (INT, FLOAT, BYTES) of the columns that have a curated one."""
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


READERS: dict[str, Reader] = {"csv": read_csv, "parquet": read_parquet, "tfrecord": read_tfrecord}


def _rows(batch: pa.RecordBatch, seed: int) -> Rows:
    rows = canonical(batch)
    return Rows(encode(rows), hash_rows(rows, seed))


def _open_csv(file: str, types: Types) -> Iterator[pa.RecordBatch]:
    header = _csv_header(file)
    known = {name: ARROW_TYPES[types[name]] for name in header if name in types}
    inferred = {} if len(known) == len(header) else _inferred_types(file, known)
    yield from arrow_csv.open_csv(file, convert_options=_convert_options(inferred | known))


def _csv_header(file: str) -> list[str]:
    with Path(file).open(encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines), None)
    if not header:
        raise DataAnomaly(
            f"{file}: is empty. A CSV needs a header line with the names of its columns, and rows below it."
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataAnomaly(f"{file}: the header names {', '.join(twice)} twice. Give each column a name of its own.")
    return header


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
    ragged = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+): ?(.*)", message)
    if ragged:
        row, expected, got, text = ragged.groups()
        return f"{file}: row {row} has {got} values and the header has {expected}: {text}. Mend or remove that row."
    text = re.search(r"In CSV column #(\d+).*invalid value '(.*)'", message)
    if text:
        column, value = int(text[1]), text[2]
        row, name = _find_row(file, column, value)
        return (
            f"{file}: row {row}, column {name!r} holds {value!r}, and the schema says that {name!r} is a number. "
            "Mend the row, or change the column's type in the schema."
        )
    if "Empty CSV" in message:
        return f"{file}: is empty. A CSV needs a header line with the names of its columns, and rows below it."
    return f"{file}: cannot be read as CSV: {message}."


def _find_row(file: str, column: int, value: str) -> tuple[int, str]:
    """The number, counted from 1 for the header, of the first row with that value in that column; the column's name."""
    with Path(file).open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        name = next(rows)[column]
        for number, row in enumerate(rows, start=2):
            if len(row) > column and row[column] == value:
                return number, name
    return 0, name


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
