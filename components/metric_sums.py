"""What metrics rest on: sums over rows, and what is made of a sum. A sum of no rows may be of the shape [0, …].

Labels are of shape [rows], predictions too, or of several classes [rows, classes].
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[Any]
SURE = 1e-7  # a probability is held so far from 0 and 1
BINS = 10_000  # of a probability, for the areas under curves
COLUMNS_OF_A_CLASS = ("rows", "precision", "recall", "f1")
STEPS = 100  # of the thresholds at which a curve is drawn
MOST_CLASSES = 50  # of a confusion matrix: no larger one can be read


def sums_of_squares(labels: Rows, predictions: Rows) -> Array:
    """Returns the number of rows, and the sums of labels, squared labels and squared errors, shape [4]."""
    errors = labels - predictions
    return np.array([len(labels), labels.sum(), (labels**2).sum(), (errors**2).sum()], np.float64)


def r_squared(sums: Array) -> float:
    """Returns R² of what `sums_of_squares` gives; NaN where the label does not vary."""
    weight, labels, squares, errors = sums
    spread = squares - labels**2 / weight if weight else 0.0
    return float(1 - errors / spread) if spread > 0 else float("nan")


def sums_of_log_loss(labels: Rows, predictions: Rows) -> Array:
    """Returns the number of rows and the sum of log losses, shape [2]; labels are 0 or 1, predictions probabilities."""
    probabilities = np.clip(predictions.astype(np.float64), SURE, 1 - SURE)
    losses = -np.log(np.where(labels != 0, probabilities, 1 - probabilities))
    return np.array([len(labels), losses.sum()], np.float64)


def mean_of_sums(sums: Array) -> float:
    """Returns the mean of a sum and the weights before it; NaN of no rows."""
    weight, total = sums
    return float(total / weight) if weight else float("nan")


def sums_by_threshold(edges: list[float], labels: Rows, predictions: Rows) -> Array:
    """Returns the numbers of rows whose label is 0, and 1, and their probabilities' sum, shape [edges, 3].

    A row counts where its probability is at most the edge, and above the one before: a row is a yes at a threshold
    where its probability is above it, as TFMA has it.
    """
    places = np.minimum(np.searchsorted(edges, predictions), len(edges) - 1)
    return np.stack([np.bincount(places, one, len(edges)) for one in (labels == 0, labels != 0, predictions)], axis=1)


def by_threshold(edges: list[float], sums: Array) -> Array:
    """Returns the edges beside what `sums_by_threshold` gives, shape [edges, 4]."""
    return np.column_stack([np.array(edges), sums])


def counts_by_class(labels: Rows, predictions: Rows) -> Array:
    """Returns the number of rows by their class and the likeliest one, shape [classes, classes]; [0, 0] of no row."""
    if not len(labels):
        return np.zeros((0, 0))
    classes, known = predictions.shape[1], labels >= 0
    pairs = labels[known].astype(np.int64) * classes + predictions[known].argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.float64)


def by_class(counts: Array) -> Array:
    """Returns the columns of `COLUMNS_OF_A_CLASS` for each class; NaN where one is not defined."""
    right, said, rows = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        precision, recall = right / said, right / rows
        f1 = 2 * right / (said + rows)
    return np.stack([rows, precision, recall, f1], axis=1)


def confusion(counts: Array) -> Array:
    """Returns the counts as they are, or none where there are more classes than a person can read."""
    return counts if len(counts) <= MOST_CLASSES else np.zeros((0, 0))


def macro(column: str, counts: Array) -> float:
    """Returns the mean over the classes that have rows or are said of some, as scikit-learn's macro average has it.

    A class that has rows and is said of none has the precision 0, one that is said of rows and has none the recall 0.
    """
    there = counts.sum(axis=0) + counts.sum(axis=1) > 0
    values = np.nan_to_num(by_class(counts)[there, COLUMNS_OF_A_CLASS.index(column)])
    return float(values.mean()) if len(values) else float("nan")


def probabilities_by_class(labels: Rows, predictions: Rows) -> Array:
    """Returns the number of rows by class, by whether they are of it, by bin of its probability: [classes, 2, BINS]."""
    if not len(labels):
        return np.zeros((0, 2, BINS))
    classes = np.arange(predictions.shape[1])
    bins = np.minimum((predictions * BINS).astype(np.int64), BINS - 1)
    places = (classes * 2 + (labels.astype(np.int64)[:, None] == classes)) * BINS + bins
    counts = np.bincount(places.ravel(), minlength=len(classes) * 2 * BINS)
    return counts.reshape(len(classes), 2, BINS).astype(np.float64)


def macro_auc(histograms: Array) -> float:
    """Returns the mean of the classes' areas under the ROC curve; classes that no or every row is of do not count."""
    areas = [area for of_class in histograms if not np.isnan(area := _area(of_class))]
    return float(np.mean(areas)) if areas else float("nan")


def micro_auc(histograms: Array) -> float:
    """Returns the area under the ROC curve of all pairs of a row and a class."""
    return _area(histograms.sum(axis=0))


def micro_by_threshold(histograms: Array) -> Array:
    """Returns what `by_threshold` does, of all pairs of a row and a class; probabilities are the middles of bins."""
    pairs = histograms.sum(axis=0)
    sums = pairs.sum(axis=0) * (np.arange(BINS) + 0.5) / BINS
    columns = np.concatenate([pairs, sums[None]]).reshape(3, STEPS, -1).sum(axis=2)
    return np.column_stack([np.arange(1, STEPS + 1) / STEPS, columns.T])


def _area(histogram: Array) -> float:
    """The share of pairs of one of the class and one of another in which the first is likelier; a tie is half."""
    others, own = histogram
    below = np.cumsum(others) - others
    pairs = own.sum() * others.sum()
    return float((own * (below + others / 2)).sum() / pairs) if pairs else float("nan")
