"""What the counts by threshold say: ROC curve, confusion matrix, calibration.

Counts are rows of threshold, weight of the rows that are none, weight of those that are, and sum of their
probabilities: of the rows whose probability is at most the threshold, and above the one before
(`components.metric_sums.by_threshold`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from components.metric_sums import Array

CALIBRATION_BINS = 10


class Reading(NamedTuple):
    """A point of an ROC curve: where rows above the threshold are taken for a yes."""

    threshold: float
    recall: float
    false_positive_rate: float


class Calibration(NamedTuple):
    """Rows of about the same probability: its mean, how many of them are so, and their weight."""

    probability: float
    share: float
    rows: float


def roc(counts: Array) -> list[Reading]:
    """Returns the ROC curve from (0, 0) to (1, 1); nothing where all rows are of one class.

    Of thresholds that give the same point only one is kept.
    """
    thresholds, none, some = counts[:, 0], counts[:, 1], counts[:, 2]
    if not none.sum() or not some.sum():
        return []
    above = [(column.sum() - column.cumsum()) / column.sum() for column in (some, none)]
    readings = [Reading(0.0, 1.0, 1.0)]  # at no threshold: every row is taken for a yes
    for reading in zip(thresholds.tolist(), *(_clean(column) for column in above), strict=True):
        if reading[1:] != readings[-1][1:]:
            readings.append(Reading(*reading))
    return readings[::-1]


def confusion_at(counts: Array, threshold: float) -> list[list[float]]:
    """Returns the weights of rows by whether they are so and whether they are taken for it: [[no, yes], [no, yes]]."""
    is_yes = counts[:, 0] > threshold
    return [[float(counts[~is_yes, column].sum()), float(counts[is_yes, column].sum())] for column in (1, 2)]


def calibration(counts: Array) -> list[Calibration]:
    """Returns ten equal ranges of probability, those that have rows."""
    bins = np.clip(np.ceil(counts[:, 0] * CALIBRATION_BINS) - 1, 0, CALIBRATION_BINS - 1)
    found = []
    for place in range(CALIBRATION_BINS):
        _, none, some, probabilities = counts[bins == place].sum(axis=0).tolist()
        rows = none + some
        if rows:
            found.append(Calibration(probabilities / rows, some / rows, rows))
    return found


def _clean(column: Array) -> list[float]:
    """Without what floats add: the last threshold leaves exactly no row above it."""
    return [round(value, 6) + 0.0 for value in np.clip(column, 0, 1).tolist()]
