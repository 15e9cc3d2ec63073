"""Rows by slice, as TFMA makes slices of them: once for each different value, not for each row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib as slicer

SliceKey = tuple[Any, ...]
Rows = npt.NDArray[np.intp]


def columns_of(specs: Iterable[config_pb2.SlicingSpec]) -> tuple[str, ...]:
    """Returns the columns that slices are made of."""
    return tuple(dict.fromkeys(name for spec in specs for name in (*spec.feature_keys, *spec.feature_values)))


def slices(specs: Sequence[config_pb2.SlicingSpec], columns: pa.RecordBatch) -> Iterator[tuple[SliceKey, Rows]]:
    """Yields each slice with the rows that are in it; a slice may come more than once, with other rows.

    Args:
      specs: what the slices are.
      columns: lists of each row's values, by name; a row without a value is in no slice of that column.
    """
    codes = {name: _codes(columns.column(name)) for name in columns_of(specs)}
    for spec in specs:
        names = columns_of([spec])
        for values, rows in _groups({name: codes[name] for name in names}, columns.num_rows):
            one = slicer.SingleSliceSpec(spec=spec)
            features = {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
            for key in slicer.get_slices_for_features_dicts([features], None, [one]):
                yield key, rows


def _codes(column: pa.Array) -> tuple[Rows, list[list[Any]]]:
    """A number for each row, -1 for none, and for each number its values."""
    lengths = column.value_lengths().fill_null(0).to_numpy()
    if lengths.max(initial=0) <= 1:
        codes = np.full(len(column), -1)
        found = column.flatten().dictionary_encode()
        codes[lengths == 1] = found.indices.to_numpy()
        return codes, [[value] for value in found.dictionary.to_pylist()]
    values = pd.Series([tuple(row) if row else None for row in column.to_pylist()])
    numbers, different = pd.factorize(values)
    return numbers, [list(one) for one in different]


def _groups(
    codes: Mapping[str, tuple[Rows, list[list[Any]]]], rows: int
) -> Iterator[tuple[tuple[list[Any], ...], Rows]]:
    """The rows that have the same values in all columns, with these."""
    if not codes:
        yield (), np.arange(rows)
        return
    present = np.flatnonzero(np.all([numbers >= 0 for numbers, _ in codes.values()], axis=0))
    frame = pd.DataFrame({name: numbers[present] for name, (numbers, _) in codes.items()})
    for key, places in frame.groupby(list(codes), sort=True).indices.items():
        numbers = key if isinstance(key, tuple) else (key,)
        yield (
            tuple(values[number] for number, (_, values) in zip(numbers, codes.values(), strict=True)),
            present[places],
        )
