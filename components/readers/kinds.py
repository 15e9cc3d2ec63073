"""Rows that can be used, and those that cannot, from sources that have columns and from those that have tf.Examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.columns import canonical, hash_rows
from components.inference import Kinds, kind_of, merge
from components.ranges import Range
from components.readers.records import as_text
from components.records.encoding import encode
from components.rows import BadRow, Batch, Rows
from components.source_options import NUMBER, SourceOptions
from components.values import convert, without_value
from schema.errors import DataAnomaly

Place = tuple[int, int, str]  # a row's number, the line on which it begins, and its text as it stands in the file
Locate = Callable[[str, SourceOptions, Range | None], Iterator[Place]]
Cut = Callable[[str, SourceOptions, int], list[Range]]
NONE = pa.array([], pa.large_binary())
NO_HASHES = np.array([], np.uint64)


@dataclass(frozen=True)
class Table:
    """A source whose rows come in columns.

    Attributes:
      batches: yields its rows, in their order, the broken ones too; of a part of a file, where there is `cut`.
      columns: returns the names of its columns.
      locate: yields the places of all rows in their order, where the batches do not have them.
      cut: returns the parts of about a number of bytes into which a file may be cut; none where it may not.
      is_typed: whether its values have types; where they have none, all are text.
      is_open: whether rows may have columns that `columns` does not know.
    """

    batches: Callable[..., Iterator[Batch]]
    columns: Callable[[str, SourceOptions], list[str]]
    locate: Locate | None = None
    cut: Cut | None = None
    is_typed: bool = True
    is_open: bool = False

    def rows(self, file: str, options: SourceOptions, part: Range | None = None) -> Iterator[Rows]:
        """Yields the rows of a file, or of a part of it, those that cannot be used with their places."""
        places = self.locate(file, options, part) if self.locate else iter(())
        for batch in self.batches(file, options, part) if part else self.batches(file, options):
            rows = _usable(file, batch, options)
            bad = sorted(rows.bad, key=lambda row: row.number)
            located = _located(bad, places, part.before if part else 0)
            yield Rows(rows.examples, rows.hashes, tuple(located), rows.read)

    def kinds(self, file: str, options: SourceOptions) -> Kinds:
        """Returns the kind of each column that has no type; reads the file only where there is one."""
        names = self.columns(file, options)
        if not self.is_open and all(options.types.get(name, NUMBER) != NUMBER for name in names):
            return {}
        parts = [dict.fromkeys(names, "")]
        for batch in self.batches(file, options):
            parts = [merge([*parts, self._kinds_of(batch, options)])]
        return parts[0]

    def _kinds_of(self, batch: Batch, options: SourceOptions) -> Kinds:
        columns = zip(batch.columns.schema.names, batch.columns.columns, strict=True)
        untyped = ((name, column, options.types.get(name, "")) for name, column in columns)
        return {
            name: kind_of(column, wanted, is_typed=self.is_typed)
            for name, column, wanted in untyped
            if wanted in {"", NUMBER}
        }


@dataclass(frozen=True)
class Examples:
    """A source of serialised tf.Examples, which go to the splits as they are."""

    records: Callable[[str, SourceOptions], Iterator[Rows]]

    def rows(self, file: str, options: SourceOptions, part: Range | None = None) -> Iterator[Rows]:
        """Yields the rows of a file; it is never cut."""
        del part
        yield from self.records(file, options)

    def columns(self, file: str, options: SourceOptions) -> list[str]:
        """Returns no names: there are none but those in the records."""
        del file, options
        return []


def _usable(file: str, batch: Batch, options: SourceOptions) -> Rows:
    read = len(batch.numbers) + len(batch.broken)
    if not len(batch.numbers):
        return Rows(NONE, NO_HASHES, batch.broken, read)
    try:
        converted, reasons = convert(batch.columns, options.types)
        columns = canonical(converted)
    except DataAnomaly as error:
        raise DataAnomaly(f"{file}: {error}") from None
    reasons = without_value(columns, options.required) | reasons
    bad = [BadRow(int(batch.numbers[at]), reasons[at], as_text(batch.columns, at)) for at in sorted(reasons)]
    good = columns.filter(~np.isin(np.arange(columns.num_rows), list(reasons))) if reasons else columns
    return Rows(encode(good), hash_rows(good, options.seed), (*batch.broken, *bad), read)


def _located(bad: Iterable[BadRow], places: Iterator[Place], before: int) -> Iterator[BadRow]:
    """The rows, in the order of their numbers, each with its place: the search goes on from where it found the last."""
    for row in bad:
        _, number, text = next((place for place in places if place[0] == row.number), (0, row.number, row.row))
        yield BadRow(number + before, row.reason, text)
