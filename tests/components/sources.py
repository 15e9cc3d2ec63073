"""Sources of transformed examples with no transform graph behind them: small tables, written to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.data import ExampleSource
from tests.components.tables import to_examples, write_records


@dataclass(frozen=True)
class SpecOnly:
    """Stands for a TFTransformOutput of which nothing but the transformed features is asked."""

    spec: dict[str, Any]

    def transformed_feature_spec(self) -> dict[str, Any]:
        """Returns how the transformed examples are parsed."""
        return self.spec


def source_of(folder: Path, columns: Mapping[str, npt.NDArray[Any]], files: int = 1, **options: Any) -> ExampleSource:
    """Writes the rows of a table to files, in turn, and returns the source over them."""
    examples = to_examples({name: values.tolist() for name, values in columns.items()})
    spec = {name: tf.io.FixedLenFeature((), _dtype(values)) for name, values in columns.items()}
    written = [write_records(folder / f"rows-{index}.gz", examples[index::files]) for index in range(files)]
    return ExampleSource(tuple(map(str, written)), SpecOnly(spec), **options)


def rows_of(source: ExampleSource, batches: tf.data.Dataset, names: Sequence[str]) -> list[tuple[float, ...]]:
    """Returns the named features and then the label (and weight) of each row of a source's batches."""
    unpacked = [(source.packing.unpack(features), *rest) for features, *rest in batches]
    columns = [(*(features[name] for name in names), *rest) for features, *rest in unpacked]
    return [tuple(row) for batch in columns for row in np.stack(batch, axis=1).tolist()]


def _dtype(values: npt.NDArray[Any]) -> tf.DType:
    return tf.int64 if np.issubdtype(values.dtype, np.integer) else tf.float32
