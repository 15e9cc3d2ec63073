"""Metrics that TFMA does not have: R², a log loss that is always a number, averages over classes, and what is drawn.

Each is a sum over rows, which Beam adds up in any order, and what is made of the sum (`components.metric_sums`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, reduce
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.metric_sums import (
    STEPS,
    Array,
    Rows,
    by_class,
    by_threshold,
    confusion,
    counts_by_class,
    macro,
    macro_auc,
    mean_of_sums,
    micro_auc,
    micro_by_threshold,
    probabilities_by_class,
    r_squared,
    sums_by_threshold,
    sums_of_log_loss,
    sums_of_squares,
)

Sums = Callable[[Rows, Rows], Array]  # of labels and predictions


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


class ByThreshold(metric_types.Metric):
    """What `by_threshold` gives of a binary problem, with `threshold` among its thresholds."""

    def __init__(self, name: str = "by_threshold", threshold: float = 0.5) -> None:
        edges = sorted({*(step / STEPS for step in range(STEPS + 1)), threshold})
        super().__init__(_computed(partial(sums_by_threshold, edges), partial(by_threshold, edges)), name=name)


class MicroByThreshold(metric_types.Metric):
    """What `micro_by_threshold` gives: of all pairs of a row and a class."""

    def __init__(self, name: str = "by_threshold") -> None:
        super().__init__(_computed(probabilities_by_class, micro_by_threshold), name=name)


class Confusion(metric_types.Metric):
    """The weight of rows by their class and the likeliest one, shape [classes, classes]; [0, 0] of too many classes."""

    def __init__(self, name: str = "confusion") -> None:
        super().__init__(_computed(counts_by_class, confusion), name=name)


METRICS = (
    RSquared,
    LogLoss,
    MacroPrecision,
    MacroRecall,
    MacroF1,
    MacroAUC,
    MicroAUC,
    ByClass,
    ByThreshold,
    MicroByThreshold,
    Confusion,
)
for metric in METRICS:
    metric_types.register_metric(metric)


class _Sum(beam.CombineFn):
    """Adds up what `of_rows` gives; rows have no weights."""

    def __init__(self, key: Any, of_rows: Sums, names: dict[str, Any]) -> None:
        self._key, self._of_rows, self._names = key, of_rows, names

    def of_arrays(self, labels: Rows, predictions: Rows) -> Array:
        """Returns the sum over many rows."""
        return self._of_rows(labels.astype(np.float64), predictions.astype(np.float64))

    def create_accumulator(self) -> Array | None:
        return None

    def add_input(self, total: Array | None, row: Any) -> Array | None:
        for label, prediction, _ in metric_util.to_label_prediction_example_weight(row, flatten=False, **self._names):
            predictions = np.ravel(prediction)
            one = self.of_arrays(np.ravel(label), predictions if len(predictions) == 1 else predictions[None])
            total = one if total is None else _added(total, one)
        return total

    def merge_accumulators(self, totals: Iterable[Array | None]) -> Array | None:
        return reduce(_added, (total for total in totals if total is not None), None)

    def extract_output(self, total: Array | None) -> dict[Any, Array | None]:
        return {self._key: total}


def _added(total: Array | None, more: Array | None) -> Array | None:
    if total is None or more is None:
        return more if total is None else total
    return more if not len(total) else total if not len(more) else total + more


def _computed(of_rows: Sums, of_sum: Callable[[Array], Any]) -> Callable[..., Any]:
    """What TFMA asks of a metric: a function that gives its computations for each model and output."""
    of_each: Callable[..., Any] = metric_util.merge_per_key_computations(partial(_computations, of_rows, of_sum))
    return of_each


def _computations(
    of_rows: Sums,
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
    key_of_sum = metric_types.MetricKey(name=f"_{getattr(of_rows, 'func', of_rows).__name__}", **names)
    combiner = _Sum(key_of_sum, of_rows, {"eval_config": eval_config, **names})
    return [
        metric_types.MetricComputation(keys=[key_of_sum], preprocessors=None, combiner=combiner),
        metric_types.DerivedMetricComputation(keys=[key], result=lambda sums: {key: of_sum(sums[key_of_sum])}),
    ]
