"""tf.data over the transformed examples: parallel reads, a cache while it fits, shuffle, prefetch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import tensorflow as tf
import tensorflow_transform as tft

from schema.roles import LABEL

SHUFFLE_ROWS = 100_000
CACHE_SHARE_OF_MEMORY = 0.25
GZIP_RATIO = 10  # tf.Examples repeat their feature names; ten times is what the taxi trips shrink to
Files = Sequence[str]


@dataclass(frozen=True)
class ExampleSource:
    """Files of transformed examples, and how they are parsed."""

    files: tuple[str, ...]
    transform_output: tft.TFTransformOutput

    def training(self, batch_size: int, seed: int, *, cache: bool) -> tf.data.Dataset:
        """Returns shuffled batches of (features, label); another order at each pass, the same for a seed."""
        records = self._records(cache=cache).shuffle(SHUFFLE_ROWS, seed=seed)
        return self._parsed(records.batch(batch_size))

    def evaluation(self, batch_size: int, *, cache: bool) -> tf.data.Dataset:
        """Returns batches of (features, label) in a fixed order."""
        return self._parsed(self._records(cache=cache).batch(batch_size))

    def _records(self, *, cache: bool) -> tf.data.Dataset:
        records = tf.data.Dataset.from_tensor_slices(list(self.files)).interleave(
            lambda file: tf.data.TFRecordDataset(file, "GZIP"),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        return records.cache() if cache and self._fits_in_memory() else records

    def _fits_in_memory(self) -> bool:
        size = sum(Path(file).stat().st_size for file in self.files) * GZIP_RATIO
        return bool(size < psutil.virtual_memory().available * CACHE_SHARE_OF_MEMORY)

    def _parsed(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        spec = self.transform_output.transformed_feature_spec()

        def parse(serialized: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            features = tf.io.parse_example(serialized, spec)
            return features, features.pop(LABEL)

        return batches.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
