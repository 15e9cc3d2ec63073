"""JSON Lines: one object a line; https://jsonlines.org."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from components.ranges import Range, can_be_cut, cut_by_lines
from components.readers.kinds import Place
from components.readers.records import Numbered, batches
from components.rows import BadRow, Batch
from components.source_options import SourceOptions
from components.text import MARKING, NOT_TEXT, open_lines


def read(file: str, options: SourceOptions, part: Range | None = None) -> Iterator[Batch]:
    """Yields the objects, lines that are none as broken rows; `numbers` counts lines, from 1.

    Raises:
      DataAnomaly: it cannot be decompressed.
    """
    yield from batches(_records(file, options, part))


def columns(file: str, options: SourceOptions) -> list[str]:
    """Returns the names in the first object; none where there is no object.

    Raises:
      DataAnomaly: it cannot be decompressed.
    """
    objects = (record[1] for record in _records(file, options) if not isinstance(record, BadRow))
    return list(next(objects, {}))


def locate(file: str, options: SourceOptions, part: Range | None = None) -> Iterator[Place]:
    """Yields the lines as they stand in the file, with their numbers."""
    with open_lines(file, options.encoding, part=part, newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            yield number, number, line.rstrip("\r\n")


def cut(file: str, options: SourceOptions, size: int) -> list[Range]:
    """Returns parts of whole lines."""
    return cut_by_lines(file, size) if can_be_cut(file, options.encoding) else []


def _records(file: str, options: SourceOptions, part: Range | None = None) -> Iterator[Numbered | BadRow]:
    with open_lines(file, options.encoding, MARKING, part, newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _record(number, line, options)


def _record(number: int, line: str, options: SourceOptions) -> Numbered | BadRow:
    if NOT_TEXT in line:
        return BadRow(number, f"is not {options.encoding}")
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"is not JSON: {error}")
    if not isinstance(record, dict) or not record:
        return BadRow(number, "is not a JSON object with a value")
    if "\\u" in line and not _is_unicode(record):
        return BadRow(number, "holds half of a surrogate pair, which is no text")
    return number, {name: _or_missing(value, options) for name, value in record.items()}


def _is_unicode(record: dict[str, Any]) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _or_missing(value: Any, options: SourceOptions) -> Any:
    return None if isinstance(value, str) and value in options.missing else value
