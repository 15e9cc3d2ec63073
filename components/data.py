"""tf.data over the transformed examples: held in memory while they fit, else streamed from their files.

In memory the rows are first put in an order of their own, because Beam writes them in another order each time: the same
seed then gives the same batches, run after run. Streamed, the batches follow the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import tensorflow as tf
import tensorflow_transform as tft

from components.columns import combine_hashes, hash_values
from components.packing import Packing
from schema.roles import LABEL

SHUFFLE_ROWS = 100_000
ROWS_AT_ONCE = 8192
ROWS_A_BLOCK = 1024
SHARE_OF_MEMORY = 0.25
DECIMALS = 5  # by which rows are ordered
SIZE_IN_MEMORY = 10  # times the gzipped size; the taxi trips take nine
Tensors = dict[str, Any]


@dataclass(frozen=True)
class ExampleSource:
    """Files of transformed examples.

    Attributes:
      files: gzipped TFRecords.
      transform_output: what says how they are parsed.
      in_memory: whether they may be held in memory; they are where they fit, too.
      class_weights: the weight of a row by the index of its class; a row without a class (-1) has none. Without them
        rows have no weights.
    """

    files: tuple[str, ...]
    transform_output: tft.TFTransformOutput
    in_memory: bool = True
    class_weights: tuple[float, ...] | None = None
    _held: dict[str, Tensors] = field(default_factory=dict, repr=False, compare=False)  # shared with `weighted`

    @cached_property
    def packing(self) -> Packing:
        """How the features of a batch come: in few tensors."""
        return Packing.of({name: kind for name, kind in self._spec.items() if name != LABEL})

    def weighted(self, class_weights: tuple[float, ...] | None) -> ExampleSource:
        """Returns the same rows, in memory once, with other weights."""
        return replace(self, class_weights=class_weights)

    def and_that_of(self, other: ExampleSource) -> ExampleSource:
        """Returns the rows of both."""
        return replace(self, files=(*self.files, *other.files), _held={})

    def training(self, batch_size: int, seed: int) -> tf.data.Dataset:
        """Returns shuffled batches of (packed features, label[, weight]); another order each pass, by the seed."""
        if self._holds_rows:
            rows = tf.data.Dataset.range(self._row_count).shuffle(self._row_count, seed=seed)
            return self._gathered(rows.batch(batch_size))
        return self._parsed(self._records().shuffle(SHUFFLE_ROWS, seed=seed).batch(batch_size))

    def evaluation(self, batch_size: int) -> tf.data.Dataset:
        """Returns batches of (packed features, label[, weight]), in the same order at each pass."""
        if self._holds_rows:
            return self._gathered(tf.data.Dataset.range(self._row_count).batch(batch_size))
        return self._parsed(self._records().batch(batch_size))

    def labels(self, rows: int | None = None) -> npt.NDArray[Any]:
        """Returns the label of each of the first rows, shape [rows], in the order of `evaluation`."""
        return self.matrix((LABEL,), rows)[:, 0]

    def matrix(self, names: Sequence[str], rows: int | None = None, dtype: Any = None) -> npt.NDArray[Any]:
        """Returns the named features of the first rows, shape [rows, names], in the order of `evaluation`.

        They are of the type `dtype`, or of one that holds them all.
        """
        if self._holds_rows:
            return np.stack([self._column(name)[:rows] for name in names], axis=1, dtype=dtype)
        spec = {name: self._spec[name] for name in names}
        batches = self._records().take(-1 if rows is None else rows).batch(ROWS_AT_ONCE)
        parsed = batches.map(lambda batch: tf.io.parse_example(batch, spec)).as_numpy_iterator()
        return np.concatenate([np.stack([batch[name] for name in names], axis=1, dtype=dtype) for batch in parsed])

    @cached_property
    def _holds_rows(self) -> bool:
        fixed = all(isinstance(kind, tf.io.FixedLenFeature) for kind in self._spec.values())
        needed = sum(Path(file).stat().st_size for file in self.files) * SIZE_IN_MEMORY
        return self.in_memory and fixed and needed < psutil.virtual_memory().available * SHARE_OF_MEMORY

    def _column(self, name: str) -> npt.NDArray[Any]:
        for key, names in self.packing.matrices.items():
            if name in names:
                return np.asarray(self._rows[key])[:, names.index(name)]
        return np.asarray(self._rows[name])

    @property
    def _rows(self) -> Tensors:
        """All rows, packed, and their labels, in the order of the rows' hashes."""
        if "rows" not in self._held:
            self._held["rows"] = self._read()
        return self._held["rows"]

    def _read(self) -> Tensors:
        batches = list(self._records().batch(ROWS_AT_ONCE).map(self._parse).as_numpy_iterator())
        columns = {name: np.concatenate([batch[name] for batch in batches]) for name in self._spec}
        order = np.argsort(_hash_of_rows(columns), kind="stable")
        ordered = {name: column[order] for name, column in columns.items()}
        return self._packed(ordered)

    @property
    def _row_count(self) -> int:
        return len(self._rows[LABEL])

    @cached_property
    def _spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.transform_output.transformed_feature_spec()
        return spec

    def _records(self) -> tf.data.Dataset:
        """The records, blocks of the files in turn: record by record, TensorFlow would take thirty times as long."""
        blocks = tf.data.Dataset.from_tensor_slices(list(self.files)).interleave(
            lambda file: tf.data.TFRecordDataset(file, "GZIP").batch(ROWS_A_BLOCK),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        return blocks.unbatch()

    def _parse(self, serialized: tf.Tensor) -> Tensors:
        features: Tensors = tf.io.parse_example(serialized, self._spec)
        return features

    def _packed(self, features: Tensors) -> Tensors:
        return self.packing.pack(features) | {LABEL: tf.convert_to_tensor(features[LABEL])}

    def _gathered(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        rows = self._rows
        return self._labelled(batches, lambda batch: {name: tf.gather(column, batch) for name, column in rows.items()})

    def _parsed(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        return self._labelled(batches, lambda batch: self._packed(self._parse(batch)))

    def _labelled(self, batches: tf.data.Dataset, rows_of: Any) -> tf.data.Dataset:
        def split(batch: tf.Tensor) -> tuple[Any, ...]:
            rows = rows_of(batch)
            label = rows.pop(LABEL)
            return (rows, label) if self.class_weights is None else (rows, *self._weighted(label))

        return batches.map(split, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)

    def _weighted(self, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        known = tf.maximum(label, 0)
        weights = tf.gather(tf.constant(self.class_weights, tf.float32), tf.cast(known, tf.int64))
        return known, tf.where(label < 0, 0.0, weights)


def _hash_of_rows(columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    flat = {name: _told_apart(column.reshape(len(column), -1)) for name, column in sorted(columns.items())}
    return combine_hashes(hash_values(column[:, i], 0) for column in flat.values() for i in range(column.shape[1]))


def _told_apart(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values but for the last bits of floats, which differ from run to run as Beam's batches do."""
    return np.round(column, DECIMALS) + 0.0 if np.issubdtype(column.dtype, np.floating) else column
