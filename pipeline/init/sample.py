"""The rows that are looked at: as their reader gives them, and as ExampleGen would make them, hashes included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from components.columns import Hashes, canonical, hash_rows, hash_values
from components.pieces import at_hand, resolve
from components.readers import READERS
from components.readers.kinds import Table
from components.rows import Batch
from components.source_options import SourceOptions
from components.values import convert, without_value

Columns = dict[str, pa.ChunkedArray]
Note = Callable[[str], None]
ROWS_A_NOTE = 50_000
REASONS_TOLD = 3


@dataclass(frozen=True)
class Usable:
    """The rows that a run would use, typed, and why it would not use the others.

    Attributes:
      table: a column each, int64, float32 or binary, missing values null.
      read: how many rows were read, those that cannot be used included.
      reasons: why some cannot, the commonest first.
      hashes: returns each row's hash for a `data.split_seed`, shape [rows]: ExampleGen's own.
    """

    table: pa.Table
    read: int
    reasons: tuple[str, ...]
    hashes: Callable[[int], Hashes]


@dataclass(frozen=True)
class Rows:
    """Rows in columns, as the reader of a table gives them."""

    batches: tuple[Batch, ...]
    is_whole: bool

    @cached_property
    def columns(self) -> Columns:
        """The columns as they were read: text, where the format has no types."""
        return joined([batch.columns for batch in self.batches])

    def usable(self, types: Mapping[str, str], required: Sequence[str]) -> Usable:
        """Returns the rows that a run with these types and these columns of a label would use.

        Raises:
          DataAnomaly: a column is of a kind that can be neither number nor text.
        """
        good: list[pa.RecordBatch] = []
        reasons: Counter[str] = Counter(bad.reason for batch in self.batches for bad in batch.broken)
        for batch in self.batches:
            converted, unfit = convert(batch.columns, types)
            columns = canonical(converted)
            unfit = without_value(columns, tuple(required)) | unfit
            reasons.update(unfit.values())
            good.append(columns.filter(~np.isin(np.arange(columns.num_rows), list(unfit))))
        read = sum(len(batch.numbers) + len(batch.broken) for batch in self.batches)
        table = pa.table({name: _array(column) for name, column in joined(good).items()})
        return Usable(table, read, _told(reasons), lambda seed: _hashes(good, seed))


@dataclass(frozen=True)
class Examples:
    """Serialised tf.Examples, which a run takes as they are."""

    serialized: tuple[bytes, ...]
    broken: tuple[str, ...]
    is_whole: bool

    @cached_property
    def columns(self) -> Columns:
        """The features: lists, where some row has several values."""
        from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

        decoded = ExamplesToRecordBatchDecoder().DecodeBatch(list(self.serialized))
        return {
            name: pa.chunked_array([_single(column)])
            for name, column in zip(decoded.schema.names, decoded.columns, strict=True)
        }

    def usable(self, types: Mapping[str, str], required: Sequence[str]) -> Usable:
        """Returns the rows that a run with these columns of a label would use."""
        del types  # a tf.Example has its own
        table = pa.table({name: _array(column) for name, column in self.columns.items()})
        lacking = without_value(table.combine_chunks().to_batches()[0], tuple(required)) if required else {}
        kept = np.array([at for at in range(len(self.serialized)) if at not in lacking], np.int64)
        rows = np.array(self.serialized, dtype=object)[kept]
        reasons = _told(Counter([*self.broken, *lacking.values()]))
        return Usable(
            table.take(pa.array(kept)),
            len(self.serialized) + len(self.broken),
            reasons,
            lambda seed: hash_values(rows, seed),
        )


def read_rows(options: SourceOptions, most: int, note: Note) -> Rows | Examples:
    """Returns the first `most` rows of a source, and whether they are all of it.

    Raises:
      DataAnomaly: a file cannot be read as what it says it is.
    """
    reader = READERS[options.source]
    return _read_table(reader, options, most, note) if isinstance(reader, Table) else _read_examples(options, most)


def names_of(options: SourceOptions) -> list[str]:
    """Returns the names of the columns, where the first file says them all without its rows being read; else none."""
    reader = READERS[options.source]
    if not isinstance(reader, Table) or reader.is_open:
        return []
    with at_hand(resolve(options).pieces[0], options) as file:
        return reader.columns(file, options)


def joined(batches: Iterable[pa.RecordBatch]) -> Columns:
    """Returns the columns of all batches; one that a batch lacks is missing there, one of several types is text."""
    given = [batch for batch in batches if batch.num_columns]
    names = dict.fromkeys(name for batch in given for name in batch.schema.names)
    return {name: _joined([_column(batch, name) for batch in given]) for name in names}


def _read_table(reader: Table, options: SourceOptions, most: int, note: Note) -> Rows:
    kept: list[Batch] = []
    count = told = 0
    for piece in resolve(options).pieces:
        with at_hand(piece, options) as file:
            for batch in reader.batches(file, options):
                if count >= most:
                    return Rows(tuple(kept), is_whole=False)
                left = most - count
                kept.append(Batch(batch.columns.slice(0, left), batch.numbers[:left], batch.broken))
                count += len(batch.numbers)
                if count - told >= ROWS_A_NOTE:
                    told = count
                    note(f"{min(count, most):,} rows read")
    return Rows(tuple(kept), is_whole=count <= most)


def _read_examples(options: SourceOptions, most: int) -> Examples:
    serialized: list[bytes] = []
    broken: list[str] = []
    for piece in resolve(options).pieces:
        with at_hand(piece, options) as file:
            for rows in READERS[options.source].rows(file, options):
                serialized += rows.examples.to_pylist()
                broken += [bad.reason for bad in rows.bad]
                if len(serialized) > most:
                    return Examples(tuple(serialized[:most]), tuple(broken), is_whole=False)
    return Examples(tuple(serialized), tuple(broken), is_whole=True)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows)


def _joined(chunks: list[pa.Array]) -> pa.ChunkedArray:
    kinds = {chunk.type for chunk in chunks if chunk.null_count < len(chunk)} or {chunk.type for chunk in chunks}
    if len(kinds) > 1:
        are_numbers = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds)
        kinds = {pa.float64() if are_numbers else pa.string()}
    kind = kinds.pop() if kinds else pa.null()
    cast = [chunk.cast(kind) if chunk.null_count < len(chunk) else pa.nulls(len(chunk), kind) for chunk in chunks]
    return pa.chunked_array(cast, kind)


def _single(column: pa.Array) -> pa.Array:
    """A feature's values, where no row has more than one; else its lists."""
    if pa.types.is_null(column.type):
        return column
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    if lengths.max(initial=0) > 1:
        return column
    places = np.where(lengths == 1, np.cumsum(lengths) - 1, 0)
    return column.flatten().take(pa.array(places, mask=lengths == 0))


def _array(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece; one without any value as text."""
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.binary())
    if pa.types.is_large_binary(column.type):  # as tf.Examples are decoded
        column = column.cast(pa.binary())
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _hashes(batches: Sequence[pa.RecordBatch], seed: int) -> Hashes:
    hashes = [hash_rows(batch, seed) for batch in batches if batch.num_rows]
    return np.concatenate(hashes) if hashes else np.array([], np.uint64)


def _told(reasons: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{count:,} × {reason}" for reason, count in reasons.most_common(REASONS_TOLD))
