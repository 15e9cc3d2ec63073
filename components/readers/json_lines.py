"""JSON Lines: one object a line; https://jsonlines.org."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from components.files import open_local
from components.readers.records import Numbered, batches
from components.rows import BadRow, Batch
from components.source_options import SourceOptions
from schema.errors import DataAnomaly


def read(file: str, options: SourceOptions) -> Iterator[Batch]:
    """Yields the objects, lines that are none as broken rows; `numbers` counts lines, from 1."""
    yield from batches(_records(file, options))


def columns(file: str, options: SourceOptions) -> list[str]:
    """Returns the names in the first object.

    Raises:
      DataAnomaly: there is none.
    """
    first = next((record for record in _records(file, options) if not isinstance(record, BadRow)), None)
    if first is None:
        raise DataAnomaly(f'{file}: has no rows. In JSON Lines each line is an object, such as {{"fare": 3.5}}.')
    return list(first[1])


def locate(file: str, options: SourceOptions, numbers: Collection[int]) -> dict[int, tuple[int, str]]:
    """Returns the lines of the given numbers, as they stand in the file."""
    wanted = set(numbers)
    with open_local(file) as stream:
        return {
            number: (number, line.decode(options.encoding, "backslashreplace").rstrip("\r\n"))
            for number, line in enumerate(stream, start=1)
            if number in wanted
        }


def _records(file: str, options: SourceOptions) -> Iterator[Numbered | BadRow]:
    with open_local(file) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _record(number, line, options)


def _record(number: int, line: bytes, options: SourceOptions) -> Numbered | BadRow:
    shown = line.decode(options.encoding, "backslashreplace").rstrip("\r\n")
    try:
        record: Any = json.loads(line.decode("utf-8-sig" if number == 1 else options.encoding))
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"is not JSON: {error}", shown)
    if not isinstance(record, dict):
        return BadRow(number, "is not a JSON object", shown)
    return number, {name: _or_missing(value, options) for name, value in record.items()}


def _or_missing(value: Any, options: SourceOptions) -> Any:
    return None if isinstance(value, str) and value in options.missing else value
