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

from components.settings import ModelSettings

Matrix = npt.NDArray[np.float32]
Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Forest:
    """Trees as flat arrays: a node's index is its place in all of them.

    Attributes:
      roots: the first node of each tree, shape [rounds, classes].
      feature, threshold, left, right, value: of each node, shape [nodes]; a leaf leads to itself.
      offset: the scores before any tree, shape [classes].
      depth: levels of the deepest tree.
    """

    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    depth: int


def grow(
    problem: str, rows: Matrix, labels: Numbers, weights: Numbers | None, settings: ModelSettings, rounds: int
) -> Any:
    """Returns scikit-learn's trees, fitted to rows of the shape [rows, features] with `rounds` rounds of boosting."""
    kind = HistGradientBoostingRegressor if problem == "regression" else HistGradientBoostingClassifier
    trees = kind(
        max_iter=rounds, max_depth=settings.tree_depth, early_stopping=False, random_state=settings.seed % 2**32
    )
    return trees.fit(rows, labels, sample_weight=weights)


def scores_by_round(problem: str, trees: Any, rows: Matrix) -> Iterator[Numbers]:
    """Yields the scores after each round, shape [rows, classes]: logits, or the value of a regression."""
    staged = trees.staged_predict(rows) if problem == "regression" else trees.staged_decision_function(rows)
    for scores in staged:
        yield scores.reshape(len(rows), -1)


def forest_of(trees: Any) -> Forest:
    """Returns fitted trees as arrays.

    scikit-learn has no public form of a fitted tree; `_predictors` and `_baseline_prediction` are those of the 1.5.2
    that TFX pins, and a test holds the arrays' answers against its own.
    """
    nodes = [tree.nodes for of_round in trees._predictors for tree in of_round]  # noqa: SLF001  # as said above
    firsts = np.cumsum([0, *(len(one) for one in nodes[:-1])])
    joined = np.concatenate(nodes)
    own = np.arange(len(joined))
    first = np.repeat(firsts, [len(one) for one in nodes])
    is_leaf = joined["is_leaf"].astype(bool)
    return Forest(
        roots=firsts.reshape(len(trees._predictors), -1).astype(np.int32),  # noqa: SLF001
        feature=np.where(is_leaf, 0, joined["feature_idx"]).astype(np.int32),
        threshold=np.where(is_leaf, np.inf, joined["num_threshold"]).astype(np.float32),
        left=np.where(is_leaf, own, first + joined["left"]).astype(np.int32),
        right=np.where(is_leaf, own, first + joined["right"]).astype(np.int32),
        value=np.where(is_leaf, joined["value"], 0.0).astype(np.float32),
        offset=np.asarray(trees._baseline_prediction, np.float32).reshape(-1),  # noqa: SLF001
        depth=int(joined["depth"].max()),
    )


class ForestLayer(keras.layers.Layer):
    """The scores of a forest, [batch, features] to [batch, classes]: all trees go down one level at a time."""

    def __init__(self, forest: Forest, **options: Any) -> None:
        super().__init__(trainable=False, dtype="float32", **options)
        self._depth, self._shape = forest.depth, forest.roots.shape
        self._roots = tf.constant(forest.roots.reshape(-1))
        self._feature, self._threshold = tf.constant(forest.feature), tf.constant(forest.threshold)
        self._left, self._right = tf.constant(forest.left), tf.constant(forest.right)
        self._value, self._offset = tf.constant(forest.value), tf.constant(forest.offset)

    def call(self, rows: Any) -> Any:
        """Returns the scores."""
        node = tf.tile(self._roots[tf.newaxis], [tf.shape(rows)[0], 1])
        for _ in range(self._depth):
            value = tf.gather(rows, tf.gather(self._feature, node), batch_dims=1)
            goes_left = value <= tf.gather(self._threshold, node)
            node = tf.where(goes_left, tf.gather(self._left, node), tf.gather(self._right, node))
        of_trees = tf.reshape(tf.gather(self._value, node), [-1, *self._shape])
        return tf.reduce_sum(of_trees, axis=1) + self._offset

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns [batch, classes]."""
        return (shape[0], self._shape[1])
