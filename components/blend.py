"""The networks and the trees as one model, each with the share that suits the eval split best."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from components.data import ExampleSource
from components.layers import mean_score
from components.model import Shape
from components.settings import ModelSettings
from components.trees import ForestLayer, forest_of, grow, one_thread, scores_by_round

log = logging.getLogger("penstock.progress")
BATCH = 4096
SHARES = np.linspace(0.0, 1.0, 11)
LEAST_GAIN = 0.01  # of the loss: trees that give less are not worth their time at serving
Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Rows for the trees: features [rows, features], labels [rows], and weights [rows] where there are some."""

    features: Numbers
    labels: Numbers
    weights: Numbers | None

    @classmethod
    def of(cls, source: ExampleSource, names: Sequence[str], limit: int) -> Rows:
        """Returns the first rows of a source; one without a class weighs nothing."""
        features, labels = source.matrix(names, limit, np.float32), source.labels(limit)
        if source.class_weights is None:
            return cls(features, labels, None)
        known = np.maximum(labels, 0).astype(np.int64)
        return cls(features, known, np.where(labels < 0, 0.0, np.asarray(source.class_weights)[known]))

    @property
    def weighty_labels(self) -> Numbers:
        """The labels of the rows that weigh something."""
        return self.labels if self.weights is None else self.labels[self.weights > 0]

    def and_those_of(self, other: Rows) -> Rows:
        """Returns both together."""
        features, labels = (self.features, other.features), (self.labels, other.labels)
        weights = None if self.weights is None or other.weights is None else (self.weights, other.weights)
        return Rows(np.concatenate(features), np.concatenate(labels), weights and np.concatenate(weights))


def with_trees(
    networks: keras.Model, shape: Shape, train: ExampleSource, evaluation: ExampleSource, settings: ModelSettings
) -> keras.Model:
    """Returns a model of the same inputs that gives scores [batch, classes]: of the networks, or of trees beside them.

    Trees are grown on the train split; how many rounds, and which share of the score, the eval split decides; then they
    are grown anew on both splits.
    """
    inputs = networks.input
    alone = keras.Model(inputs, mean_score(networks(inputs)), name="networks")
    if not settings.trees:
        return alone
    names = [name for name in (*shape.dense, *shape.ids) if name not in shape.redundant]
    train_rows, eval_rows = (Rows.of(source, names, settings.tree_rows) for source in (train, evaluation))
    if len(np.unique(train_rows.weighty_labels)) == 1 or not len(eval_rows.weighty_labels):
        return alone
    log.info("growing trees on %d rows", len(train_rows.labels))
    scores = _scores_of(evaluation.packing.model(alone), evaluation, len(eval_rows.labels))
    rounds, share = _rounds_and_share(shape, train_rows, eval_rows, scores, settings)
    if share == 1.0:
        return alone
    both = train_rows.and_those_of(eval_rows)
    trees = grow(shape.problem, both.features, both.labels, both.weights, settings, rounds)
    table = keras.ops.stack([keras.ops.cast(inputs[name], "float32") for name in names], axis=1)
    of_trees = ForestLayer(forest_of(trees, shape.classes), name="trees")(table)
    return keras.Model(inputs, share * alone.output + (1 - share) * of_trees, name="blend")


def _scores_of(model: keras.Model, source: ExampleSource, rows: int) -> Numbers:
    """The scores that a model of packed features gives the first rows of a source, shape [rows, classes]."""
    batches = source.evaluation(BATCH).take(math.ceil(rows / BATCH))
    return np.asarray(model.predict(batches, verbose=0)[:rows], np.float64)


@one_thread
def _rounds_and_share(
    shape: Shape, train: Rows, evaluation: Rows, of_networks: Numbers, settings: ModelSettings
) -> tuple[int, float]:
    """How many rounds of trees serve the eval split best, and then which share of the networks; 1.0 for no trees."""
    problem = shape.problem
    trees = grow(problem, train.features, train.labels, train.weights, settings, settings.trees)
    by_round = enumerate(scores_by_round(problem, trees, evaluation.features, shape.classes), start=1)
    rounds, of_trees = min(by_round, key=lambda round_: mean_loss(problem, round_[1], evaluation))
    losses = [mean_loss(problem, share * of_networks + (1 - share) * of_trees, evaluation) for share in SHARES]
    best = int(np.argmin(losses))
    is_worth_it = losses[best] < (1 - LEAST_GAIN) * losses[-1]
    log.info("loss on the eval split: networks %.4f, trees %.4f, together %.4f", losses[-1], losses[0], losses[best])
    return rounds, float(SHARES[best]) if is_worth_it else 1.0


def mean_loss(problem: str, scores: Numbers, rows: Rows) -> float:
    """Returns the mean loss of scores of the shape [rows, classes]: the log loss, or the squared error."""
    return float(np.average(LOSSES[problem](scores, rows.labels), weights=rows.weights))


def _log_loss_of_logit(scores: Numbers, labels: Numbers) -> Numbers:
    logits = scores[:, 0]
    return np.asarray(np.logaddexp(0.0, logits) - labels * logits)


def _log_loss_of_softmax(scores: Numbers, labels: Numbers) -> Numbers:
    of_class = np.take_along_axis(scores, labels.astype(np.int64)[:, None], axis=1)[:, 0]
    return np.asarray(np.logaddexp.reduce(scores, axis=1) - of_class)


def _squared_error(scores: Numbers, labels: Numbers) -> Numbers:
    return np.asarray((scores[:, 0] - labels) ** 2)


LOSSES = {"binary": _log_loss_of_logit, "multiclass": _log_loss_of_softmax, "regression": _squared_error}
