"""Metrics that TFMA does not have: R², a log loss that is always a number, and averages over classes.

Each is a sum over rows, which Beam adds up in any order, and what is made of the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

Array = npt.NDArray[np.float64]
Row = tuple[Array, Array, float]  # label [1], prediction [1] or [classes], weight
SURE = 1e-7  # a probability is held so far from 0 and 1
BINS = 10_000  # of a probability, for the areas under curves
COLUMNS_OF_A_CLASS = ("rows", "precision", "recall", "f1")


class RSquared(metric_types.Metric):
    """The share of the label's variance that the model explains: 1 - sum of squared errors / sum of squares.

    Undefined (NaN) where the label does not vary.
    """

    def __init__(self, name: str = "r2") -> None:
        super().__init__(_computed(sums_of_squares, r_squared), name=name)


class LogLoss(metric_types.Metric):
    """The mean of -log of the probability that was given to what is so; lower is better.

    TFMA's BinaryCrossEntropy is not a number where a probability is 1 in float32. Here, as in Keras, probabilities are
    held within 1e-7 of 0 and 1.
    """

    def __init__(self, name: str = "log_loss") -> None:
        super().__init__(_computed(sums_of_log_loss, mean_of_sums), name=name)


class MacroPrecision(metric_types.Metric):
    """The mean of the classes' precisions: of those that a class is said of, how many are of it."""

    def __init__(self, name: str = "macro_precision") -> None:
        super().__init__(_computed(counts_by_class, partial(macro, "precision")), name=name)


class MacroRecall(metric_types.Metric):
    """The mean of the classes' recalls, which is also called balanced accuracy."""

    def __init__(self, name: str = "macro_recall") -> None:
        super().__init__(_computed(counts_by_class, partial(macro, "recall")), name=name)


class MacroF1(metric_types.Metric):
    """The mean of the classes' F1, each the harmonic mean of precision and recall."""

    def __init__(self, name: str = "macro_f1") -> None:
        super().__init__(_computed(counts_by_class, partial(macro, "f1")), name=name)


class MacroAUC(metric_types.Metric):
    """The mean of the areas under the ROC curves of each class against all others."""

    def __init__(self, name: str = "macro_auc") -> None:
        super().__init__(_computed(probabilities_by_class, macro_auc), name=name)


class MicroAUC(metric_types.Metric):
    """The area under the one ROC curve of all pairs of a row and a class."""

    def __init__(self, name: str = "micro_auc") -> None:
        super().__init__(_computed(probabilities_by_class, micro_auc), name=name)


class ByClass(metric_types.Metric):
    """Rows, precision, recall and F1 of each class, shape [classes, 4]."""

    def __init__(self, name: str = "by_class") -> None:
        super().__init__(_computed(counts_by_class, by_class), name=name)


METRICS = (RSquared, LogLoss, MacroPrecision, MacroRecall, MacroF1, MacroAUC, MicroAUC, ByClass)
for metric in METRICS:
    metric_types.register_metric(metric)


def sums_of_squares(rows: Iterable[Row]) -> Array:
    """Returns the sums of weights, labels, squared labels and squared errors, shape [4]."""
    total = np.zeros(4)
    for label, prediction, weight in rows:
        value, error = float(label[0]), float(label[0]) - float(prediction[0])
        total += weight * np.array([1.0, value, value**2, error**2])
    return total


def r_squared(sums: Array) -> float:
    """Returns R² of what `sums_of_squares` gives; NaN where the label does not vary."""
    weight, labels, squares, errors = sums
    spread = squares - labels**2 / weight if weight else 0.0
    return float(1 - errors / spread) if spread > 0 else float("nan")


def sums_of_log_loss(rows: Iterable[Row]) -> Array:
    """Returns the sums of weights and of log losses, shape [2]; labels are 0 or 1, predictions probabilities."""
    total = np.zeros(2)
    for label, prediction, weight in rows:
        probability = min(max(float(prediction[0]), SURE), 1 - SURE)
        total += weight * np.array([1.0, -np.log(probability if label[0] else 1 - probability)])
    return total


def mean_of_sums(sums: Array) -> float:
    """Returns the mean of a sum and the weights before it; NaN of no rows."""
    weight, total = sums
    return float(total / weight) if weight else float("nan")


def counts_by_class(rows: Iterable[Row]) -> Array:
    """Returns the weight of rows by their class and the likeliest one, shape [classes, classes]; [0, 0] of no row."""
    total = np.zeros((0, 0))
    for label, prediction, weight in rows:
        total = total if len(total) else np.zeros((len(prediction), len(prediction)))
        if label[0] >= 0:
            total[int(label[0]), int(np.argmax(prediction))] += weight
    return total


def by_class(counts: Array) -> Array:
    """Returns the columns of `COLUMNS_OF_A_CLASS` for each class; NaN where one is not defined."""
    right, said, rows = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        precision, recall = right / said, right / rows
        f1 = 2 * right / (said + rows)
    return np.stack([rows, precision, recall, f1], axis=1)


def macro(column: str, counts: Array) -> float:
    """Returns the mean over the classes that have rows or are said of some, as scikit-learn's macro average has it.

    A class that has rows and is said of none has the precision 0, one that is said of rows and has none the recall 0.
    """
    there = counts.sum(axis=0) + counts.sum(axis=1) > 0
    values = np.nan_to_num(by_class(counts)[there, COLUMNS_OF_A_CLASS.index(column)])
    return float(values.mean()) if len(values) else float("nan")


def probabilities_by_class(rows: Iterable[Row]) -> Array:
    """Returns the weight of rows by class, by whether they are of it, by bin of its probability: [classes, 2, BINS]."""
    total = np.zeros((0, 2, BINS))
    for label, prediction, weight in rows:
        total = total if len(total) else np.zeros((len(prediction), 2, BINS))
        bins = np.minimum((prediction * BINS).astype(np.int64), BINS - 1)
        classes = np.arange(len(prediction))
        total[classes, (classes == int(label[0])).astype(np.int64), bins] += weight
    return total


def macro_auc(histograms: Array) -> float:
    """Returns the mean of the classes' areas under the ROC curve; classes that no or every row is of do not count."""
    areas = [area for of_class in histograms if not np.isnan(area := _area(of_class))]
    return float(np.mean(areas)) if areas else float("nan")


def micro_auc(histograms: Array) -> float:
    """Returns the area under the ROC curve of all pairs of a row and a class."""
    return _area(histograms.sum(axis=0))


def _area(histogram: Array) -> float:
    """The share of pairs of one of the class and one of another in which the first is likelier; a tie is half."""
    others, own = histogram
    below = np.cumsum(others) - others
    pairs = own.sum() * others.sum()
    return float((own * (below + others / 2)).sum() / pairs) if pairs else float("nan")


class _Sum(beam.CombineFn):
    """Adds up what `of_rows` gives."""

    def __init__(self, key: Any, of_rows: Callable[[Iterable[Row]], Array], names: dict[str, Any]) -> None:
        self._key, self._of_rows, self._names = key, of_rows, names

    def create_accumulator(self) -> Array:
        return self._of_rows(())

    def add_input(self, total: Array, row: Any) -> Array:
        return _added(total, self._of_rows(self._rows(row)))

    def merge_accumulators(self, totals: Iterable[Array]) -> Array:
        merged = self.create_accumulator()
        for total in totals:
            merged = _added(merged, total)
        return merged

    def extract_output(self, total: Array) -> dict[Any, Array]:
        return {self._key: total}

    def _rows(self, row: Any) -> Iterator[Row]:
        for label, prediction, weight in metric_util.to_label_prediction_example_weight(
            row, flatten=False, **self._names
        ):
            yield np.ravel(label), np.ravel(prediction), float(np.ravel(weight)[0])


def _added(total: Array, more: Array) -> Array:
    return more if not len(total) else total if not len(more) else total + more


def _computed(of_rows: Callable[[Iterable[Row]], Array], of_sum: Callable[[Array], Any]) -> Callable[..., Any]:
    """What TFMA asks of a metric: a function that gives its computations for each model and output."""
    of_each: Callable[..., Any] = metric_util.merge_per_key_computations(partial(_computations, of_rows, of_sum))
    return of_each


def _computations(
    of_rows: Callable[[Iterable[Row]], Array],
    of_sum: Callable[[Array], Any],
    name: str = "",
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: Any = False,  # noqa: FBT002  # TFMA passes what it finds by these names
) -> list[Any]:
    """A sum that all metrics of one kind share, by its key, and what this one makes of it."""
    names = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}
    key = metric_types.MetricKey(name=name, **names)
    key_of_sum = metric_types.MetricKey(name=f"_{getattr(of_rows, '__name__', '')}", **names)
    combiner = _Sum(key_of_sum, of_rows, {"eval_config": eval_config, **names})
    return [
        metric_types.MetricComputation(keys=[key_of_sum], preprocessors=None, combiner=combiner),
        metric_types.DerivedMetricComputation(keys=[key], result=lambda sums: {key: of_sum(sums[key_of_sum])}),
    ]
