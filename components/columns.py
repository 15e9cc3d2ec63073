"""Arrow columns of the three kinds that a tf.Example has, and the hash that decides each row's split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schema.errors import DataAnomaly

Hashes = npt.NDArray[np.uint64]
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, as in Knuth's multiplicative hashing


def canonical(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the batch with each column as int64, float32 or binary: the three kinds that a tf.Example has.

    Booleans become 0 and 1, dates and timestamps seconds since 1970, times of day text, NaN becomes missing.

    Raises:
      DataAnomaly: a column is of a kind that has no such form, such as a list; the message names it.
    """
    names = batch.schema.names
    columns = [_named_canonical_column(name, column) for name, column in zip(names, batch.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names)


def hash_rows(batch: pa.RecordBatch, seed: int) -> Hashes:
    """Returns one hash for each row of a canonical batch, shape [rows]: equal rows and seeds give equal hashes.

    It depends on the values and the names of their columns alone, neither on the process (SipHash, by pandas),
    the batch nor the order of the columns; a column that a batch does not have counts as one without values.
    """
    total: Hashes = np.zeros(batch.num_rows, np.uint64)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        total = total + _hash_cells(name, column, seed)
    return np.asarray(total ^ (total >> np.uint64(32)))


def combine_hashes(hashes: Iterable[Hashes]) -> Hashes:
    """Returns one hash for each row of the hashes of its columns, each of shape [rows]; their order matters."""
    combined = reduce(lambda before, column: (before ^ column) * _MIX, hashes, np.zeros(1, np.uint64))
    return np.asarray(combined ^ (combined >> np.uint64(32)))


def hash_values(values: npt.NDArray[np.generic], seed: int) -> Hashes:
    """Returns the hash of each value, shape [values]."""
    hashed: Hashes = pd.util.hash_array(values, hash_key=f"{seed:016d}")
    if values.dtype != object:  # pandas keys only the hash of objects
        hashed = pd.util.hash_array((hashed ^ np.uint64(seed)) * _MIX)
    return hashed


def assign_splits(hashes: Hashes, splits: Mapping[str, int]) -> npt.NDArray[np.str_]:
    """Returns the name of each row's split: `splits` gives the number of hash buckets of each, out of their sum."""
    upper_bounds = np.cumsum(list(splits.values()))
    buckets = (hashes % np.uint64(upper_bounds[-1])).astype(np.int64)
    return np.array(list(splits))[np.searchsorted(upper_bounds, buckets, side="right")]


def _named_canonical_column(name: str, column: pa.Array) -> pa.Array:
    try:
        return _canonical_column(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataAnomaly(
            f"column {name!r} is {column.type}, which cannot become a number or text: {error}. "
            "Write it in another form, or leave it out."
        ) from None


def _canonical_column(column: pa.Array) -> pa.Array:  # noqa: PLR0911  # one for each kind of type
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _canonical_column(column.dictionary_decode())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        floats = column.cast(pa.float32(), safe=False)
        return pc.if_else(pc.is_nan(floats), None, floats)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.int64())
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.binary())
    if pa.types.is_time(kind):
        return column.cast(pa.string()).cast(pa.binary())
    return column.cast(pa.binary())


def _hash_cells(name: str, column: pa.Array, seed: int) -> Hashes:
    """The hash of each value together with its column's name; 0 where the value is missing."""
    filler = b"" if pa.types.is_binary(column.type) else 0
    values: npt.NDArray[np.generic] = column.fill_null(filler).to_numpy(zero_copy_only=False)
    (key,) = hash_values(np.array([name], dtype=object), seed)
    hashed = pd.util.hash_array((hash_values(values, seed) ^ key) * _MIX)
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), hashed, np.uint64(0))
