"""Rows that can be used, and those that cannot, from sources that have columns and from those that have tf.Examples."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np

from components.columns import canonical, encode, hash_rows
from components.readers.records import as_text
from components.rows import BadRow, Batch, Rows
from components.source_options import SourceOptions
from components.values import convert, kind_of, without_value
from schema.errors import DataAnomaly

Locate = Callable[[str, SourceOptions, Collection[int]], dict[int, tuple[int, str]]]
KINDS = ("", "INT", "FLOAT", "BYTES")  # each holds what those before it hold
Kinds = dict[str, str]
NO_HASHES = np.array([], np.uint64)


@dataclass(frozen=True)
class Table:
    """A source whose rows come in columns.

    Attributes:
      batches: yields its rows.
      columns: returns the names of its columns.
      locate: returns line and text of rows by their numbers, where the batches do not have them.
    """

    batches: Callable[[str, SourceOptions], Iterator[Batch]]
    columns: Callable[[str, SourceOptions], list[str]]
    locate: Locate | None = None

    def rows(self, file: str, options: SourceOptions) -> Iterator[Rows]:
        """Yields the rows of a file, those that cannot be used at the end, in their order."""
        bad: list[BadRow] = []
        for batch in self.batches(file, options):
            rows = _usable(file, batch, options)
            bad += rows.bad
            yield Rows(rows.examples, rows.hashes)
        if bad:
            located = self._located(file, options, bad)
            yield Rows([], NO_HASHES, tuple(sorted(located, key=lambda row: row.number)))

    def kinds(self, file: str, options: SourceOptions) -> Kinds:
        """Returns the type that fits all values of each column: INT, FLOAT or BYTES; "" where there is none."""
        kinds: Kinds = {}
        for batch in self.batches(file, options):
            for name, column in zip(batch.columns.schema.names, batch.columns.columns, strict=True):
                kind = kind_of(column, options.types.get(name, ""))
                kinds[name] = max(kinds.get(name, ""), kind, key=KINDS.index)
        return kinds

    def _located(self, file: str, options: SourceOptions, bad: list[BadRow]) -> list[BadRow]:
        if self.locate is None:
            return bad
        places = self.locate(file, options, [row.number for row in bad])
        found = ((row, *places.get(row.number, (row.number, row.row))) for row in bad)
        return [BadRow(line, row.reason, text) for row, line, text in found]


@dataclass(frozen=True)
class Examples:
    """A source of serialised tf.Examples, which go to the splits as they are."""

    rows: Callable[[str, SourceOptions], Iterator[Rows]]
    columns: Callable[[str, SourceOptions], list[str]]

    def kinds(self, file: str, options: SourceOptions) -> Kinds:
        """Returns nothing: each tf.Example has types of its own."""
        del file, options
        return {}


def _usable(file: str, batch: Batch, options: SourceOptions) -> Rows:
    if not batch.columns.num_rows:
        return Rows([], NO_HASHES, batch.broken)
    try:
        converted, reasons = convert(batch.columns, options.types)
        columns = canonical(converted)
    except DataAnomaly as error:
        raise DataAnomaly(f"{file}: {error}") from None
    reasons = without_value(columns, options.required) | reasons
    bad = [BadRow(int(batch.numbers[at]), reasons[at], as_text(batch.columns, at)) for at in sorted(reasons)]
    good = columns.filter(~np.isin(np.arange(columns.num_rows), list(reasons))) if reasons else columns
    return Rows(encode(good), hash_rows(good, options.seed), (*batch.broken, *bad))
