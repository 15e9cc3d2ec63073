from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.extmath import softmax

from components.settings import ModelSettings
from components.trees import ForestLayer, Matrix, Numbers, forest_of, grow, scores_by_round
from tests.components.tables import REAL_TIME

ROUNDS = 7
CLASSES = {"binary": 1, "multiclass": 3, "regression": 1}
PROBLEMS = pytest.mark.parametrize("problem", sorted(CLASSES))
SEEDS = pytest.mark.parametrize("seed", range(5))
# TensorFlow may take numbers below the smallest normal float32 for zeros.
FLOATS = st.floats(-(2.0**127), 2.0**127, width=32, allow_subnormal=False)


def table(problem: str, seed: int, rows: int = 300) -> tuple[Matrix, Numbers, Numbers]:
    """Returns rows of four features, of which one is constant and one counts, labels that follow them, and weights."""
    numbers = np.random.default_rng(seed)
    features = numbers.normal(size=(rows, 4)).astype(np.float32)
    features[:, 1] = 3.5
    features[:, 2] = numbers.integers(0, 5, rows)
    truth = features[:, 0] + features[:, 2] + numbers.normal(0, 0.3, rows)
    cuts = {"binary": [2.0], "multiclass": [1.0, 3.0], "regression": []}[problem]
    labels = np.digitize(truth, cuts) if cuts else truth * 1000
    return features, labels, numbers.uniform(0, 3, rows)


def grown(problem: str, data: int, rounds: int = ROUNDS, **settings: Any) -> Any:
    """Returns trees that are fitted to the table with its weights."""
    return grow(problem, *table(problem, data), ModelSettings.model_validate(settings), rounds)


def own_scores(trees: Any, rows: Matrix) -> Numbers:
    """Returns scikit-learn's own scores, shape [rows, trees of a round]."""
    answer = trees.decision_function(rows) if hasattr(trees, "decision_function") else trees.predict(rows)
    return np.reshape(answer, (len(rows), -1))


def layer_scores(trees: Any, rows: Matrix, classes: int) -> Numbers:
    """Returns the scores of the layer, shape [rows, classes]."""
    return np.asarray(ForestLayer(forest_of(trees, classes))(rows))


def assert_same(trees: Any, rows: Matrix, classes: int) -> None:
    """Holds the layer's answers against scikit-learn's own."""
    np.testing.assert_allclose(layer_scores(trees, rows, classes), own_scores(trees, rows), rtol=1e-5, atol=1e-5)


@SEEDS
@PROBLEMS
def test_the_layer_answers_as_scikit_learn_does(problem: str, seed: int) -> None:
    """The rows that the trees were fitted to, with weights, and as many that they have not seen."""
    for rows in (table(problem, seed)[0], table(problem, seed + 100)[0]):
        assert_same(grown(problem, seed), rows, CLASSES[problem])


@PROBLEMS
def test_a_row_alone_is_answered_as_among_others(problem: str) -> None:
    """A batch of one row gives that row's scores, a batch of none gives none."""
    trees, rows = grown(problem, 1), table(problem, 1)[0]
    layer = ForestLayer(forest_of(trees, CLASSES[problem]))
    assert np.asarray(layer(rows[7:8])).tolist() == np.asarray(layer(rows))[7:8].tolist()
    assert layer(rows[:0]).shape == (0, CLASSES[problem])


@PROBLEMS
def test_extreme_values_go_where_scikit_learn_sends_them(problem: str) -> None:
    """The largest float32, infinities and both zeros in every combination of two features."""
    extremes = np.array([np.finfo(np.float32).max, np.finfo(np.float32).min, np.inf, -np.inf, 0.0, -0.0], np.float32)
    pairs = np.stack(np.meshgrid(extremes, extremes), axis=-1).reshape(-1, 2)
    rows = np.concatenate([pairs, np.full((len(pairs), 1), 3.5, np.float32), pairs[:, :1]], axis=1)[:, [0, 2, 1, 3]]
    assert_same(grown(problem, 1), np.ascontiguousarray(rows, np.float32), CLASSES[problem])


@given(values=st.lists(FLOATS, min_size=1, max_size=6, unique=True), seed=st.integers(0, 1000))
@REAL_TIME
def test_values_at_a_threshold_go_where_scikit_learn_sends_them(values: list[float], seed: int) -> None:
    """Between two float32 that are neighbours the float64 threshold is neither; every value, and those next to it."""
    known = np.array(values, np.float32)
    near = np.concatenate([known, np.nextafter(known, np.float32(np.inf)), np.nextafter(known, np.float32(-np.inf))])
    near = np.unique(near[(near == 0) | (np.abs(near) >= np.finfo(np.float32).tiny)])
    rows = np.random.default_rng(seed).permutation(np.repeat(near, 30))[:, None]
    trees = grow("regression", rows, np.searchsorted(near, rows[:, 0]), None, ModelSettings(), 3)
    assert (forest_of(trees, 1).depth > 0) == (len(near) > 1)
    assert_same(trees, near[:, None], 1)


def test_a_threshold_is_rounded_down() -> None:
    """Halfway between two neighbours the nearest float32 may be the upper one, which has to go right."""
    lower = np.nextafter(np.float32(1), np.float32(2))
    upper = np.nextafter(lower, np.float32(2))
    assert np.float32((float(lower) + float(upper)) / 2) == upper  # so rounding to the nearest would go wrong
    rows = np.array([[lower], [upper]] * 50, np.float32)
    trees = grow("regression", rows, np.array([0.0, 1.0] * 50), None, ModelSettings(), 20)
    low, high = layer_scores(trees, rows[:2], 1)[:, 0]
    assert low < 0.1
    assert high > 0.9


@PROBLEMS
def test_features_that_never_change_split_nothing(problem: str) -> None:
    """A table of constants leaves every tree a leaf: the scores are those of the labels alone."""
    features, labels, weights = table(problem, 1)
    trees = grow(problem, np.ones_like(features), labels, weights, ModelSettings(), ROUNDS)
    forest = forest_of(trees, CLASSES[problem])
    assert (forest.depth, len(forest.value)) == (0, ROUNDS * CLASSES[problem])
    assert_same(trees, features, CLASSES[problem])


def test_a_label_that_never_changes_is_the_answer() -> None:
    """A regression of a constant is a forest of single leaves."""
    features = table("regression", 1)[0]
    trees = grow("regression", features, np.full(len(features), 12.5), None, ModelSettings(), 3)
    assert forest_of(trees, 1).depth == 0
    assert layer_scores(trees, features, 1).tolist() == [[12.5]] * len(features)


@PROBLEMS
def test_one_round_is_a_forest(problem: str) -> None:
    """The least that may be asked for: one tree, or one for each class."""
    trees = grown(problem, 2, rounds=1)
    assert forest_of(trees, CLASSES[problem]).roots.shape == (1, CLASSES[problem])
    assert_same(trees, table(problem, 3)[0], CLASSES[problem])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_trees_are_no_deeper_than_the_settings_say(depth: int) -> None:
    """The layer takes a step down for each level, and no leaf lies deeper."""
    trees = grown("regression", 1, tree_depth=depth)
    assert forest_of(trees, 1).depth == depth
    assert_same(trees, table("regression", 2)[0], 1)


@PROBLEMS
def test_there_are_scores_after_each_round_the_last_are_those_of_all(problem: str) -> None:
    """As many as there are rounds; those of one round are what a forest of one round says."""
    trees, rows = grown(problem, 1), table(problem, 1)[0]
    by_round = list(scores_by_round(problem, trees, rows, CLASSES[problem]))
    assert len(by_round) == ROUNDS
    np.testing.assert_allclose(by_round[-1], own_scores(trees, rows), rtol=1e-12)
    np.testing.assert_allclose(by_round[0], own_scores(grown(problem, 1, rounds=1), rows), rtol=1e-12)


def relabelled(names: tuple[int, ...], classes: int) -> tuple[Any, Matrix, Numbers]:
    """Returns trees whose rows have only the named ones of so many classes, the rows, and the layer's scores."""
    features, labels, _ = table("multiclass", 1)
    kept = labels < len(names)
    trees = grow("multiclass", features[kept], np.array(names)[labels[kept]], None, ModelSettings(), ROUNDS)
    return trees, features[kept], layer_scores(trees, features[kept], classes)


def test_two_classes_have_two_scores() -> None:
    """scikit-learn gives two classes one score; the probabilities of ours, of which there are two, are its own."""
    trees, rows, scores = relabelled((0, 1), classes=2)
    np.testing.assert_allclose(softmax(scores), trees.predict_proba(rows), atol=1e-5)


@pytest.mark.parametrize(("names", "classes"), [((0, 2, 3), 4), ((0, 2), 3), ((1, 2), 3), ((0, 1), 4)])
def test_a_class_that_no_row_has_is_as_likely_as_one_row_among_all(names: tuple[int, ...], classes: int) -> None:
    """The other classes' probabilities are scikit-learn's, each at its own place."""
    trees, rows, scores = relabelled(names, classes)
    probabilities = softmax(scores)
    seen, unseen = probabilities[:, names], np.delete(probabilities, names, axis=1)
    np.testing.assert_allclose(seen / seen.sum(axis=1, keepdims=True), trees.predict_proba(rows), atol=1e-5)
    assert 0.2 / len(rows) < unseen.mean() < 5 / len(rows)


@pytest.mark.parametrize(("names", "classes"), [((0, 1, 2), 3), ((0, 1), 2), ((0, 2, 3), 4), ((0, 2), 3)])
def test_the_scores_of_the_last_round_are_the_layers(names: tuple[int, ...], classes: int) -> None:
    """What the rounds are chosen by is what the exported model says, whatever classes the rows have."""
    trees, rows, scores = relabelled(names, classes)
    *_, last = scores_by_round("multiclass", trees, rows, classes)
    np.testing.assert_allclose(scores, last, rtol=1e-5, atol=1e-5)


@PROBLEMS
def test_a_saved_forest_answers_the_same(problem: str, tmp_path: Path) -> None:
    """The arrays travel inside the SavedModel, and a batch may have any number of rows."""
    layer = ForestLayer(forest_of(grown(problem, 1), CLASSES[problem]))
    inputs = keras.Input((4,))
    module = tf.Module()
    module.model = keras.Model(inputs, layer(inputs))
    scores = tf.function(lambda rows: {"scores": module.model(rows)})
    signature = scores.get_concrete_function(tf.TensorSpec([None, 4], tf.float32, "rows"))
    tf.saved_model.save(module, str(tmp_path), signatures=signature)
    saved = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    for rows in (table(problem, 2)[0], table(problem, 2)[0][:1]):
        assert saved(rows=tf.constant(rows))["scores"].numpy().tolist() == layer(rows).numpy().tolist()


def arrays_of(trees: Any, classes: int) -> dict[str, Any]:
    """Returns a forest as lists, which compare as a whole."""
    return {name: np.asarray(part).tolist() for name, part in asdict(forest_of(trees, classes)).items()}


@PROBLEMS
def test_the_same_seed_grows_the_same_trees(problem: str) -> None:
    """Twice the same forest, bit by bit."""
    first, second = (arrays_of(grown(problem, 1, seed=3), CLASSES[problem]) for _ in range(2))
    assert first == second


def test_the_largest_seed_that_the_settings_take_grows_trees() -> None:
    """What model.seed may be is a seed to scikit-learn, too."""
    assert_same(grown("binary", 1, seed=10**9), table("binary", 1)[0], 1)


@pytest.fixture
def _half_precision() -> Iterator[None]:
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.usefixtures("_half_precision")
def test_mixed_precision_leaves_the_forest_as_it_is() -> None:
    """Thresholds, features and scores stay float32, where 16 bits would send rows elsewhere."""
    trees, rows = grown("regression", 1), table("regression", 1)[0]
    inputs = keras.Input((4,), dtype="float32")
    model = keras.Model(inputs, ForestLayer(forest_of(trees, 1))(inputs))
    scores = model(rows)
    assert scores.dtype == tf.float32
    np.testing.assert_allclose(scores, own_scores(trees, rows), rtol=1e-5)


def test_weights_change_what_is_learned() -> None:
    """Rows of one label that weigh nothing leave the answer to the others."""
    features, labels, _ = table("binary", 1)
    trees = grow("binary", features, labels, (labels == 0).astype(float), ModelSettings(), 30)
    assert layer_scores(trees, features, 1).max() < -1


def test_node_numbers_of_a_large_forest_fit() -> None:
    """A forest of as many trees as a long training of many classes makes keeps its places apart."""
    numbers: npt.NDArray[np.float64] = np.random.default_rng(1).normal(size=(600, 4))
    trees = grow("multiclass", numbers.astype(np.float32), np.arange(600) % 60, None, ModelSettings(tree_depth=2), 10)
    forest = forest_of(trees, 60)
    assert forest.roots.shape == (10, 60)
    assert len(np.unique(forest.roots)) == 600
    assert_same(trees, numbers.astype(np.float32), 60)
