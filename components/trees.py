"""Gradient-boosted trees beside the networks: grown by scikit-learn, answered by a layer of the exported model.

Where a table's truth has steps, trees find it and networks of a few thousand rows do not; where it is smooth it is the
other way about. Trees join a model only where the eval split is the better for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from components.settings import ModelSettings

Matrix = npt.NDArray[np.float32]
Numbers = npt.NDArray[Any]
# OpenMP's threads wait for each other in busy loops: where another process wants a core too, two of them take five to
# twenty times as long as one. And the sums of one thread are the same on every machine.
one_thread = threadpool_limits.wrap(limits=1, user_api="openmp")


@dataclass(frozen=True)
class Forest:
    """Trees as flat arrays: a node's index is its place in all of them.

    Attributes:
      roots: the first node of each tree, shape [rounds, trees of a round].
      feature, threshold, left, right, value: of each node, shape [nodes]; a leaf leads to itself.
      columns: which of a round's trees scores each class, the number after the last for none, shape [classes].
      offset: the scores before any tree, shape [classes].
      depth: levels of the deepest tree.
    """

    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float32]
    columns: npt.NDArray[np.int32]
    offset: npt.NDArray[np.float32]
    depth: int


@one_thread
def grow(
    problem: str, rows: Matrix, labels: Numbers, weights: Numbers | None, settings: ModelSettings, rounds: int
) -> Any:
    """Returns scikit-learn's trees, fitted to rows of the shape [rows, features] with `rounds` rounds of boosting."""
    kind = HistGradientBoostingRegressor if problem == "regression" else HistGradientBoostingClassifier
    trees = kind(max_iter=rounds, max_depth=settings.tree_depth, early_stopping=False, random_state=settings.seed)
    return trees.fit(rows, labels, sample_weight=weights)


def scores_by_round(problem: str, trees: Any, rows: Matrix, classes: int) -> Iterator[Numbers]:
    """Yields the scores after each round, shape [rows, classes]: logits, or the value of a regression."""
    columns, offset = _columns(trees, classes)
    staged = trees.staged_predict(rows) if problem == "regression" else trees.staged_decision_function(rows)
    for scores in staged:
        yield _one_more(scores.reshape(len(rows), -1))[:, columns] + offset


def forest_of(trees: Any, classes: int) -> Forest:
    """Returns fitted trees as arrays; `classes` is the number of a multi-class problem's, else 1."""
    columns, offset = _columns(trees, classes)
    rounds = _nodes(trees)
    nodes = [tree for of_round in rounds for tree in of_round]
    firsts = np.cumsum([0, *(len(one) for one in nodes[:-1])])
    joined = np.concatenate(nodes)
    own = np.arange(len(joined))
    first = np.repeat(firsts, [len(one) for one in nodes])
    is_leaf = joined["is_leaf"].astype(bool)
    return Forest(
        roots=firsts.reshape(len(rounds), -1).astype(np.int32),
        feature=np.where(is_leaf, 0, joined["feature_idx"]).astype(np.int32),
        threshold=_not_above(np.where(is_leaf, np.inf, joined["num_threshold"])),
        left=np.where(is_leaf, own, first + joined["left"]).astype(np.int32),
        right=np.where(is_leaf, own, first + joined["right"]).astype(np.int32),
        value=np.where(is_leaf, joined["value"], 0.0).astype(np.float32),
        columns=columns.astype(np.int32),
        offset=(_one_more(_baseline(trees))[0, columns] + offset).astype(np.float32),
        depth=int(joined["depth"].max()),
    )


class ForestLayer(keras.layers.Layer):
    """The scores of a forest, [batch, features] to [batch, classes]: all trees go down one level at a time.

    The features are float32 and none is NaN.
    """

    def __init__(self, forest: Forest, **options: Any) -> None:
        super().__init__(trainable=False, dtype="float32", **options)
        self._depth, self._trees = forest.depth, forest.roots.shape
        self._roots = tf.constant(forest.roots.reshape(-1))
        self._feature, self._threshold = tf.constant(forest.feature), tf.constant(forest.threshold)
        self._left, self._right = tf.constant(forest.left), tf.constant(forest.right)
        self._value, self._columns = tf.constant(forest.value), tf.constant(forest.columns)
        self._offset = tf.constant(forest.offset)

    def call(self, rows: Any) -> Any:
        """Returns the scores."""
        node = tf.tile(self._roots[tf.newaxis], [tf.shape(rows)[0], 1])
        for _ in range(self._depth):
            value = tf.gather(rows, tf.gather(self._feature, node), batch_dims=1)
            goes_left = value <= tf.gather(self._threshold, node)
            node = tf.where(goes_left, tf.gather(self._left, node), tf.gather(self._right, node))
        of_rounds = tf.reduce_sum(tf.reshape(tf.gather(self._value, node), [-1, *self._trees]), axis=1)
        return tf.gather(tf.pad(of_rounds, [[0, 0], [0, 1]]), self._columns, axis=1) + self._offset

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns [batch, classes]."""
        return (shape[0], len(self._columns))


def _nodes(trees: Any) -> list[list[Any]]:
    """The nodes of each tree of each round.

    scikit-learn has no public form of a fitted tree; `_predictors` and `_baseline_prediction` are those of the 1.5.2
    that TFX pins, and a test holds the layer's answers against its own.
    """
    return [[tree.nodes for tree in of_round] for of_round in trees._predictors]  # noqa: SLF001  # as said above


def _baseline(trees: Any) -> Numbers:
    """The scores before any tree, shape [1, trees of a round]."""
    return np.reshape(trees._baseline_prediction, (1, -1))  # noqa: SLF001  # as said in _nodes


def _columns(trees: Any, classes: int) -> tuple[npt.NDArray[np.int64], Numbers]:
    """Which of scikit-learn's scores each class has, the one after the last for none, and what is added to it.

    To two classes it gives one score, that of the second. To a class that has no row it gives none: that one is as
    likely as one row among all.
    """
    if classes == 1:
        return np.zeros(1, np.int64), np.zeros(1)
    baseline, seen = _baseline(trees), trees.classes_.astype(np.int64)
    width = baseline.shape[1]
    columns, offset = np.full(classes, width), np.zeros(classes)
    columns[seen[-width:]] = np.arange(width)
    of_all = np.logaddexp.reduce(_one_more(baseline)[0, columns[seen]])
    rows = _nodes(trees)[0][0]["count"][0]
    offset[np.setdiff1d(np.arange(classes), seen)] = of_all - np.log(rows)
    return columns, offset


def _one_more(scores: Numbers) -> Numbers:
    """Scores with a column of zeros after the last."""
    return np.pad(scores, ((0, 0), (0, 1)))


def _not_above(thresholds: npt.NDArray[np.float64]) -> Matrix:
    """The greatest float32 that is not above a threshold: a float32 is at most the one just where it is the other."""
    with np.errstate(over="ignore"):  # the greatest there is, for a threshold beyond them
        nearest = thresholds.astype(np.float32)
    return np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)
