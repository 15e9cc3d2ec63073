"""Rows that can be used, and those that cannot, from sources that have columns and from those that have tf.Examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from components.columns import canonical, encode, hash_rows
from components.inference import Kinds, kind_of, merge
from components.readers.records import as_text
from components.rows import BadRow, Batch, Rows
from components.source_options import NUMBER, SourceOptions
from components.values import convert, without_value
from schema.errors import DataAnomaly

Place = tuple[int, int, str]  # a row's number, the line on which it begins, and its text as it stands in the file
Locate = Callable[[str, SourceOptions], Iterator[Place]]
NO_HASHES = np.array([], np.uint64)


@dataclass(frozen=True)
class Table:
    """A source whose rows come in columns.

    Attributes:
      batches: yields its rows, in their order, the broken ones too.
      columns: returns the names of its columns.
      locate: yields the places of all rows in their order, where the batches do not have them.
      is_typed: whether its values have types; where they have none, all are text.
      is_open: whether rows may have columns that `columns` does not know.
    """

    batches: Callable[[str, SourceOptions], Iterator[Batch]]
    columns: Callable[[str, SourceOptions], list[str]]
    locate: Locate | None = None
    is_typed: bool = True
    is_open: bool = False

    def rows(self, file: str, options: SourceOptions) -> Iterator[Rows]:
        """Yields the rows of a file, those that cannot be used with their places."""
        places = self.locate(file, options) if self.locate else iter(())
        for batch in self.batches(file, options):
            rows = _usable(file, batch, options)
            bad = sorted(rows.bad, key=lambda row: row.number)
            yield Rows(rows.examples, rows.hashes, tuple(_located(bad, places)), rows.read)

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

    rows: Callable[[str, SourceOptions], Iterator[Rows]]

    def columns(self, file: str, options: SourceOptions) -> list[str]:
        """Returns no names: there are none but those in the records."""
        del file, options
        return []


def _usable(file: str, batch: Batch, options: SourceOptions) -> Rows:
    read = len(batch.numbers) + len(batch.broken)
    if not len(batch.numbers):
        return Rows([], NO_HASHES, batch.broken, read)
    try:
        converted, reasons = convert(batch.columns, options.types)
        columns = canonical(converted)
    except DataAnomaly as error:
        raise DataAnomaly(f"{file}: {error}") from None
    reasons = without_value(columns, options.required) | reasons
    bad = [BadRow(int(batch.numbers[at]), reasons[at], as_text(batch.columns, at)) for at in sorted(reasons)]
    good = columns.filter(~np.isin(np.arange(columns.num_rows), list(reasons))) if reasons else columns
    return Rows(encode(good), hash_rows(good, options.seed), (*batch.broken, *bad), read)


def _located(bad: Iterable[BadRow], places: Iterator[Place]) -> Iterator[BadRow]:
    """The rows, in the order of their numbers, each with its place: the search goes on from where it found the last."""
    for row in bad:
        place = next((place for place in places if place[0] == row.number), None)
        yield BadRow(place[1], row.reason, place[2]) if place else row
