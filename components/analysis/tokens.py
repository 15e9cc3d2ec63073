"""Vocabularies: tokens counted with Arrow, pruned, ordered and written as TFT does.

A table of counts has the columns `token` (bytes or integers) and `count`. Each token is in it once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_transform import analyzers
from tensorflow_transform.analyzer_nodes import Combiner, VocabularyOrderAndWrite, VocabularyPrune
from tfx.dsl.io import fileio

LARGE = 1 << 20  # tokens: more of them do not leave a worker in one piece
SHARDS = 64  # of a large vocabulary: pieces of some 10 MB at ten million tokens
BATCH = 1 << 16  # tokens that are written together
BYTES = pa.large_binary()
Counts = list[pa.Table]  # what is yet to be added up


class TokenCounts(Combiner):
    """How often each token occurs."""

    def create_accumulator(self) -> Counts:
        """Returns the counts of no rows."""
        return []

    def add_input(self, accumulator: Counts, batch_values: Iterable[Any]) -> Counts:
        """Counts the tokens of a batch, shape [tokens]."""
        (tokens,) = batch_values
        kind = BYTES if tokens.dtype == object else None
        found = pa.array(tokens.reshape(-1), kind).value_counts()
        accumulator.append(pa.table({"token": found.field("values"), "count": found.field("counts")}))
        waiting = sum(map(len, accumulator[1:]))
        return self.compact(accumulator) if waiting > max(BATCH, len(accumulator[0])) else accumulator

    def merge_accumulators(self, accumulators: Iterable[Counts]) -> Counts:
        """Adds counts up."""
        return self.compact([table for tables in accumulators for table in tables])

    def compact(self, accumulator: Counts) -> Counts:
        """Returns the counts as at most one table."""
        if len(accumulator) <= 1:
            return accumulator
        summed = pa.concat_tables(accumulator).group_by("token").aggregate([("count", "sum")])
        return [pa.table({"token": summed["token"], "count": summed["count_sum"]})]

    def extract_output(self, accumulator: Counts) -> pa.Table:
        """Returns the table of counts."""
        tables = self.compact(accumulator) or [
            pa.table({"token": pa.array([], BYTES), "count": pa.array([], pa.int64())})
        ]
        return tables[0]


def shards(counts: Counts) -> Iterator[tuple[int, Counts]]:
    """Yields parts of a compacted vocabulary and their numbers; a token is in the same part wherever it is counted."""
    (table,) = counts
    part = pd.util.hash_array(table["token"].to_numpy(), categorize=False) % SHARDS
    for number in np.unique(part):
        yield int(number), [table.filter(part == number)]


def prune(counts: pa.Table, settings: VocabularyPrune) -> pa.Table:
    """Returns the counts of the tokens, as bytes, that are frequent enough, and of these the `top_k` most frequent."""
    kept = counts.filter(pc.greater_equal(counts["count"], settings.frequency_threshold))
    tokens = kept["token"]
    if pa.types.is_integer(tokens.type):
        tokens = tokens.cast(pa.large_string())
    kept = pa.table({"token": tokens.cast(BYTES), "count": kept["count"]})
    if settings.top_k is None:
        return kept
    return _by_frequency(kept).slice(0, settings.top_k)


def write(counts: pa.Table, settings: VocabularyOrderAndWrite, folder: str) -> str:
    """Writes the vocabulary's file, a token on a line, and returns its path.

    The most frequent token is first, of equally frequent ones the greatest; or they are in the order of their hashes.
    An empty vocabulary has one token that TFT puts there.
    """
    path = f"{folder}/{settings.vocab_filename}"
    fileio.makedirs(folder)
    with fileio.open(path, "wb") as file:
        for lines in _lines(counts, settings):
            file.write(b"".join(lines))
    return path


def _lines(counts: pa.Table, settings: VocabularyOrderAndWrite) -> Iterator[Iterable[bytes]]:
    ordered = _by_hash(counts) if settings.fingerprint_shuffle else _by_frequency(counts)
    if not len(ordered):
        count, token = analyzers.get_empy_vocabulary_dummy_value(settings.input_dtype)
        ordered = pa.table({"token": pa.array([token], BYTES), "count": [count]})
    for batch in ordered.to_batches(BATCH):
        columns = batch.to_pydict()
        if settings.store_frequency:
            yield (b"%d %s\n" % pair for pair in zip(columns["count"], columns["token"], strict=True))
        else:
            yield (b"%s\n" % token for token in columns["token"])


def _by_frequency(counts: pa.Table) -> pa.Table:
    return counts.sort_by([("count", "descending"), ("token", "descending")])


def _by_hash(counts: pa.Table) -> pa.Table:
    hashes = [hashlib.sha1(token).digest() for token in counts["token"].to_pylist()]  # noqa: S324 - TFT's order
    return counts.take(pc.sort_indices(pa.array(hashes, pa.binary())))
