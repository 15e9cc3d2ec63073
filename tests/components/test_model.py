from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.model import DENSE_LIMIT, Shape, build_model, shape_of
from components.settings import ModelSettings
from components.training import compile_model, make_reproducible, strategy_of
from tests.components import fleet
from tests.components.graphs import Graph

TINY = ModelSettings(hidden=(4,), embedding=2, dropout=0.0)
DENSE = ("miles", "miles_missing")
IDS = {"city": 5, "hour": 25}
SHAPES = {
    "binary": Shape(DENSE, IDS, "binary"),
    "multiclass": Shape(DENSE, IDS, "multiclass", classes=3),
    "regression": Shape(DENSE, IDS, "regression"),
}
Batch = tuple[dict[str, npt.NDArray[Any]], npt.NDArray[Any]]


@pytest.fixture(autouse=True)
def _same_start() -> Iterator[None]:
    keras.utils.set_random_seed(1)
    yield
    keras.config.set_dtype_policy("float32")


def batch_of(shape: Shape, rows: int) -> Batch:
    """Returns features and labels that a model of that shape can train on."""
    numbers = np.random.default_rng(1)
    dense = {name: numbers.normal(size=rows).astype(np.float32) for name in shape.dense}
    ids = {name: numbers.integers(0, size, rows) for name, size in shape.ids.items()}
    return dense | ids, numbers.integers(0, max(shape.classes, 2), rows)


def weights_of(model: keras.Model) -> list[list[float]]:
    """Returns the weights as lists, which compare as a whole."""
    return [weight.tolist() for weight in model.get_weights()]


@pytest.mark.parametrize(("problem", "width"), [("binary", 1), ("multiclass", 3), ("regression", 1)])
@pytest.mark.parametrize("rows", [1, 7])
def test_a_model_gives_one_score_for_each_class_of_each_row(problem: str, width: int, rows: int) -> None:
    """Raw scores have the shape [batch, classes], with one column unless there are several classes."""
    shape = SHAPES[problem]
    scores = build_model(shape, TINY)(batch_of(shape, rows)[0])
    assert (scores.shape, scores.dtype) == ((rows, width), tf.float32)


@pytest.mark.parametrize(
    "shape", [Shape(DENSE, {}, "binary"), Shape((), IDS, "binary"), Shape(DENSE[:1], {}, "binary")]
)
@pytest.mark.parametrize("hidden", [(), (4, 3)])
def test_a_model_needs_only_one_kind_of_feature(shape: Shape, hidden: tuple[int, ...]) -> None:
    """Only numbers, only ids, one single number: each builds, trains and answers, with hidden layers and without."""
    settings = ModelSettings(hidden=hidden, embedding=2)
    model = build_model(shape, settings)
    compile_model(model, shape, settings)
    features, labels = batch_of(shape, 6)
    assert np.isfinite(model.train_on_batch(features, labels))
    assert model(features).shape == (6, 1)


def test_its_inputs_are_the_features_of_its_shape() -> None:
    """The inputs' names and types are those of the transformed features."""
    inputs = build_model(SHAPES["binary"], TINY).input
    assert {name: tensor.dtype for name, tensor in inputs.items()} == {
        "miles": "float32",
        "miles_missing": "float32",
        "city": "int64",
        "hour": "int64",
    }


def scores_of_ids(city: int, hour: int, trained: dict[str, int]) -> float:
    """Returns the score of two ids from a linear model that has trained on one pair of ids."""
    shape, settings = Shape((), IDS, "regression"), ModelSettings(hidden=(), embedding=1, learning_rate=0.5)
    keras.utils.set_random_seed(1)
    model = build_model(shape, settings)
    compile_model(model, shape, settings)
    before = model({"city": np.array([city]), "hour": np.array([hour])})
    model.train_on_batch({name: np.array([value]) for name, value in trained.items()}, np.array([100.0]))
    after = model({"city": np.array([city]), "hour": np.array([hour])})
    return float(after[0, 0] - before[0, 0])


def test_the_same_id_of_two_features_has_two_weights() -> None:
    """City 1 and hour 1 share a table but no row of it: a step for (1, 2) moves (1, 2) more than (2, 1)."""
    trained = {"city": 1, "hour": 2}
    assert scores_of_ids(1, 2, trained) > scores_of_ids(2, 1, trained) + 0.5


def test_the_largest_id_of_the_last_feature_has_a_row() -> None:
    """Each id below its cardinality is within the table: training on the last one changes its score."""
    assert scores_of_ids(4, 24, {"city": 4, "hour": 24}) > scores_of_ids(0, 0, {"city": 4, "hour": 24}) + 0.5


def test_an_outlier_counts_no_more_than_the_limit() -> None:
    """A dense value beyond the limit scores as the limit does, on both sides."""
    shape = Shape(("miles",), {}, "regression")
    model = build_model(shape, TINY)
    miles = np.array([DENSE_LIMIT, DENSE_LIMIT * 1000, -DENSE_LIMIT, -DENSE_LIMIT * 1000, 0.0], np.float32)
    high, higher, low, lower, middle = model({"miles": miles})[:, 0].numpy().tolist()
    assert high == higher
    assert low == lower
    assert len({high, low, middle}) == 3


def test_the_shape_comes_from_the_roles_and_the_analysed_data(graph: Graph) -> None:
    """Dense features by name, ids with their cardinalities, and one score for a binary label."""
    shape = shape_of(fleet.FEW_ROLES, "binary", graph.output)
    assert shape == Shape(("distance_numeric", "distance_missing"), {"city_categorical": 5}, "binary", classes=1)


def test_the_number_of_classes_comes_from_the_labels_vocabulary(class_graph: Graph) -> None:
    """Three texts as labels make a model of three scores."""
    assert shape_of(fleet.FEW_ROLES, "multiclass", class_graph.output).classes == 3


@pytest.mark.parametrize("problem", sorted(SHAPES))
def test_the_loss_of_each_problem_falls_when_it_trains(problem: str) -> None:
    """A few steps on one batch make each problem's loss smaller."""
    shape, settings = SHAPES[problem], ModelSettings(hidden=(8,), embedding=2, dropout=0.0, learning_rate=0.02)
    model = build_model(shape, settings)
    compile_model(model, shape, settings)
    features, labels = batch_of(shape, 16)
    losses = [float(model.train_on_batch(features, labels)) for _ in range(30)]
    assert losses[-1] < losses[0] * 0.9


def test_the_binary_loss_is_the_cross_entropy_of_the_sigmoid() -> None:
    """The model's scores are logits: the loss is that of their sigmoid."""
    shape, settings = SHAPES["binary"], ModelSettings(hidden=(4,), embedding=2, dropout=0.0, l2=0.0)
    model = build_model(shape, settings)
    compile_model(model, shape, settings)
    features, labels = batch_of(shape, 16)
    probability = 1 / (1 + np.exp(-model(features)[:, 0].numpy()))
    expected = -np.mean(np.log(np.where(labels == 1, probability, 1 - probability)))
    assert model.evaluate(features, labels, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_accumulated_gradients_change_the_weights_every_second_batch() -> None:
    """With accumulate_steps 2 the first batch of each pair moves nothing, and the second one does."""
    shape, settings = SHAPES["binary"], ModelSettings(hidden=(4,), embedding=2, accumulate_steps=2)
    model = build_model(shape, settings)
    compile_model(model, shape, settings)
    features, labels = batch_of(shape, 8)
    seen = [weights_of(model)]
    for _ in range(4):
        model.train_on_batch(features, labels)
        seen.append(weights_of(model))
    assert [before == after for before, after in pairwise(seen)] == [True, False, True, False]


def test_mixed_precision_computes_in_half_and_scores_in_single() -> None:
    """The hidden layers compute in 16 bits; the scores and the weights are float32."""
    make_reproducible(ModelSettings(mixed_precision=True))
    model = build_model(SHAPES["multiclass"], TINY)
    assert {layer.compute_dtype for layer in model.layers if layer.name.startswith("dense")} == {"bfloat16"}
    assert model(batch_of(SHAPES["multiclass"], 3)[0]).dtype == tf.float32
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_precision_is_single_unless_asked_otherwise() -> None:
    """A training without mixed precision is not touched by one that came before it in the same process."""
    make_reproducible(ModelSettings(mixed_precision=True))
    make_reproducible(ModelSettings())
    assert {layer.compute_dtype for layer in build_model(SHAPES["binary"], TINY).layers} == {"float32"}


def test_a_seed_decides_the_first_weights() -> None:
    """The same seed builds the same model, another seed another one."""

    def built(seed: int) -> list[list[float]]:
        make_reproducible(ModelSettings(seed=seed))
        return weights_of(build_model(SHAPES["binary"], TINY))

    assert built(1) == built(1) != built(2)


def test_the_mirrored_strategy_builds_and_trains() -> None:
    """A model built under MirroredStrategy, here of one replica, takes a step."""
    shape, strategy = SHAPES["binary"], strategy_of(ModelSettings(strategy="mirrored"))
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    with strategy.scope():
        model = build_model(shape, TINY)
        compile_model(model, shape, TINY)
    before = weights_of(model)
    history = model.fit(tf.data.Dataset.from_tensors(batch_of(shape, 8)), verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert weights_of(model) != before


def test_a_single_strategy_is_the_default() -> None:
    """Without a word about it, training runs where TensorFlow runs by itself."""
    assert strategy_of(ModelSettings()) is tf.distribute.get_strategy()
