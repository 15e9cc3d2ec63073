"""What TFMA's combiners add up row by row, added up for many rows at once; one class for each kind of combiner.

Their outputs are TFMA's: what is derived from them, and how it is written, stays with TFMA. A combiner that is not
known here gets its rows one by one. TFMA's combiners have no public attributes; the versions are locked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.contrib.aggregates import binary_confusion_matrices
from tensorflow_model_analysis.metrics import calibration_histogram, metric_types

Array = npt.NDArray[Any]
Metrics: TypeAlias = "dict[metric_types.MetricKey, Any]"
ROWS_OF_KERAS = 8192  # at a time: it adds up in 32 bits


@dataclass(frozen=True)
class Scored:
    """Rows, as a model sees them.

    Attributes:
      labels: shape [rows].
      predictions: shape [rows], or [rows, classes].
    """

    labels: Array
    predictions: Array

    def __len__(self) -> int:
        """Returns how many rows there are."""
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.intp]) -> Scored:
        """Returns some of the rows."""
        return Scored(self.labels[rows], self.predictions[rows])


class Summer(Protocol):
    """Adds up what one of TFMA's combiners would. A sum can be pickled."""

    def of(self, rows: Scored) -> Any:
        """Returns the sum over rows."""

    def merge(self, sums: Sequence[Any]) -> Any:
        """Returns the sum of sums, of which there is at least one."""

    def output(self, total: Any) -> Metrics:
        """Returns what the combiner would put out."""


@dataclass(frozen=True)
class _Arrays:
    """Sums that are one array each, of the same shape, or of no length for no rows."""

    combiner: Any

    def merge(self, sums: Sequence[Array]) -> Array:
        total: Array = np.sum([one for one in sums if len(one)] or [sums[0]], axis=0)
        return total


class Count(_Arrays):
    """Rows."""

    def of(self, rows: Scored) -> Array:
        return np.array([float(len(rows))])

    def output(self, total: Array) -> Metrics:
        return dict.fromkeys(self.combiner._keys, float(total[0]))


class Sums(_Arrays):
    """The sums of labels and predictions, and the number of rows."""

    def of(self, rows: Scored) -> Array:
        return np.array([rows.labels.sum(dtype=np.float64), rows.predictions.sum(dtype=np.float64), len(rows)])

    def output(self, total: Array) -> Metrics:
        held = self.combiner.create_accumulator()
        held.total_weighted_labels, held.total_weighted_predictions, held.total_weighted_examples = map(float, total)
        return dict(self.combiner.extract_output(held))


class Errors(_Arrays):
    """The sum of a regression's errors, and the number of rows."""

    def of(self, rows: Scored) -> Array:
        errors = rows.labels.astype(np.float64) - rows.predictions
        return np.array([np.abs(errors).sum(), len(rows)])

    def output(self, total: Array) -> Metrics:
        held = self.combiner.create_accumulator()
        held.total_regression_error, held.total_example_weights = map(float, total)
        return dict(self.combiner.extract_output(held))


class Confusion(_Arrays):
    """True and false positives and negatives at some thresholds: TFMA's Matrix, shape [thresholds, 4]."""

    def of(self, rows: Scored) -> Array:
        labels, predictions = rows.labels.astype(np.float64), rows.predictions.astype(np.float64)
        whole = not self.combiner._enable_fractional_labels
        return np.array(
            [_matrix(labels > one if whole else labels, predictions > one) for one in self._thresholds], np.float64
        )

    def output(self, total: Array) -> Metrics:
        entries = {
            threshold: binary_confusion_matrices._ThresholdEntry(
                binary_confusion_matrices.Matrix(*map(float, matrix)), [], [], [], []
            )
            for threshold, matrix in zip(self._thresholds, total, strict=True)
        }
        return {self.combiner._key: entries}

    @property
    def _thresholds(self) -> Sequence[float]:
        thresholds: Sequence[float] = self.combiner._binary_confusion_matrices._thresholds
        return thresholds


@dataclass(frozen=True)
class Histogram:
    """The sums of labels and predictions, and the number of rows, in each bucket of predictions that has some.

    A sum is the numbers of buckets, shape [buckets], and their sums, shape [buckets, 3].
    """

    combiner: Any

    def of(self, rows: Scored) -> tuple[Array, Array]:
        labels, predictions = rows.labels.astype(np.float64), rows.predictions.astype(np.float64)
        share = (predictions - self.combiner._left) / self.combiner._range
        last = self.combiner._num_buckets + 1
        numbers = np.clip(share * self.combiner._num_buckets + 1, 0, last).astype(np.int64)
        return _by_bucket(numbers, np.stack([labels, predictions, np.ones_like(labels)], axis=1))

    def merge(self, sums: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
        return _by_bucket(np.concatenate([one for one, _ in sums]), np.concatenate([sums_of for _, sums_of in sums]))

    def output(self, total: tuple[Array, Array]) -> Metrics:
        buckets = [
            calibration_histogram.Bucket(int(number), *map(float, sums)) for number, sums in zip(*total, strict=True)
        ]
        return {self.combiner._key: buckets}


@dataclass(frozen=True)
class Keras:
    """What Keras' metrics hold, a list of arrays each."""

    combiner: Any

    def of(self, rows: Scored) -> list[list[Array]]:
        self.combiner.setup()
        return [self._weights(metric, rows) for metric in self._metrics]

    def merge(self, sums: Sequence[list[list[Array]]]) -> list[list[Array]]:
        return [_added(of_metric) for of_metric in zip(*sums, strict=True)]

    def output(self, total: list[list[Array]]) -> Metrics:
        self.combiner.setup()
        held = self.combiner.create_accumulator()
        for index, weights in enumerate(total):
            held.add_weights(0, index, weights)
        return dict(self.combiner.extract_output(held))

    @property
    def _metrics(self) -> list[Any]:
        (metrics,) = self.combiner._metrics.values()
        return list(metrics)

    @staticmethod
    def _weights(metric: Any, rows: Scored) -> list[Array]:
        parts = []
        for start in range(0, max(len(rows), 1), ROWS_OF_KERAS):
            part = rows.take(np.arange(start, min(start + ROWS_OF_KERAS, len(rows))))
            metric.reset_state()
            metric.update_state(part.labels[:, None], part.predictions.reshape(len(part), -1))
            parts.append([np.asarray(weight, np.float64) for weight in metric.get_weights()])
        return _added(parts)


@dataclass(frozen=True)
class Ours:
    """The sums of `components.metrics`."""

    combiner: Any

    def of(self, rows: Scored) -> Array:
        sums: Array = self.combiner.of_arrays(rows.labels, rows.predictions)
        return sums

    def merge(self, sums: Sequence[Array]) -> Array:
        total: Array = self.combiner.merge_accumulators(sums)
        return total

    def output(self, total: Array) -> Metrics:
        return dict(self.combiner.extract_output(total))


@dataclass(frozen=True)
class RowByRow:
    """Any combiner, as TFMA itself calls it, on the predictions of a model; of an only one the name is ""."""

    combiner: Any
    model: str

    def of(self, rows: Scored) -> Any:
        self.combiner.setup()
        held = self.combiner.create_accumulator()
        for label, prediction in zip(rows.labels, rows.predictions, strict=True):
            inputs = metric_types.StandardMetricInputs(
                {
                    constants.LABELS_KEY: self._named(label),
                    constants.PREDICTIONS_KEY: self._named(prediction),
                    constants.EXAMPLE_WEIGHTS_KEY: np.array([1.0]),
                }
            )
            held = self.combiner.add_input(held, inputs)
        return self.combiner.compact(held)

    def merge(self, sums: Sequence[Any]) -> Any:
        return self.combiner.merge_accumulators(sums)

    def _named(self, values: Any) -> Any:
        return {self.model: np.ravel(values)} if self.model else np.ravel(values)

    def output(self, total: Any) -> Metrics:
        self.combiner.setup()
        return dict(self.combiner.extract_output(total))


KINDS: dict[str, Callable[[Any], Summer]] = {
    "_ExampleCountCombiner": Count,
    "_WeightedLabelsPredictionsExamplesCombiner": Sums,
    "_MeanAbsoluteErrorCombiner": Errors,
    "_BinaryConfusionMatrixCombiner": Confusion,
    "_CalibrationHistogramCombiner": Histogram,
    "_CompilableMetricsCombiner": Keras,
    "_Sum": Ours,
}


def summer_of(combiner: Any, model: str) -> Summer:
    """Returns what adds up as a combiner does, on the predictions of a model."""
    kind = KINDS.get(type(combiner).__name__)
    return kind(combiner) if kind else RowByRow(combiner, model)


def _matrix(labels: Array, said: npt.NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """TFMA's Matrix; a label between 0 and 1 counts as that much of a yes."""
    right, wrong = labels[said].sum(), labels[~said].sum()
    return float(right), float((~said).sum() - wrong), float(said.sum() - right), float(wrong)


def _by_bucket(numbers: Array, sums: Array) -> tuple[Array, Array]:
    found, places = np.unique(numbers, return_inverse=True)
    return found, np.stack([np.bincount(places, column, len(found)) for column in sums.T], axis=1)


def _added(parts: Iterable[Sequence[Array]]) -> list[Array]:
    return [np.sum(of_weight, axis=0) for of_weight in zip(*parts, strict=True)]
