"""Avro object container files, by fastavro."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fastavro

from components.files import open_local
from components.readers.records import Numbered, batches
from components.rows import Batch
from components.source_options import SourceOptions
from schema.errors import DataAnomaly


def read(file: str, options: SourceOptions) -> Iterator[Batch]:
    """Yields the records; `numbers` counts them, from 1.

    Raises:
      DataAnomaly: it is no Avro file, or a corrupt one.
    """
    del options
    yield from batches(_records(file))


def columns(file: str, options: SourceOptions) -> list[str]:
    """Returns the names of the record's fields.

    Raises:
      DataAnomaly: it is no Avro file of records.
    """
    del options
    with open_local(file) as stream:
        try:
            schema: Any = fastavro.reader(stream).writer_schema
        except (ValueError, StopIteration, EOFError, KeyError) as error:
            raise DataAnomaly(_explain(file, 0, error)) from None
    if not isinstance(schema, dict) or schema.get("type") != "record" or not schema["fields"]:
        raise DataAnomaly(f"{file}: holds no records with fields. Write one record a row.")
    return [field["name"] for field in schema["fields"]]


def _records(file: str) -> Iterator[Numbered]:
    number = 0
    with open_local(file) as stream:
        try:
            for number, record in enumerate(fastavro.reader(stream), start=1):
                assert isinstance(record, dict)
                yield number, record
        except Exception as error:  # noqa: BLE001  # a corrupt block raises whatever its decoder stumbles over
            raise DataAnomaly(_explain(file, number, error)) from None


def _explain(file: str, whole: int, error: Exception) -> str:
    after = f" after record {whole}" if whole else ""
    return f"{file}: cannot be read as Avro{after}: {str(error) or type(error).__name__}. Write the file again."
