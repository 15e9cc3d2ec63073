from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.layers import mean_score
from components.model import DENSE_LIMIT, Shape, build_model, shape_of
from components.settings import ModelSettings
from components.training import compile_model, make_reproducible, strategy_of
from schema.errors import UsageError
from tests.components import fleet
from tests.components.graphs import Graph

MEMBERS = 3
TINY = ModelSettings(members=MEMBERS, hidden=(4,), embedding=2, dropout=0.0)
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
    """Raw scores have the shape [batch, members, classes], with one column unless there are several classes."""
    shape = SHAPES[problem]
    scores = build_model(shape, TINY)(batch_of(shape, rows)[0])
    assert (scores.shape, scores.dtype) == ((rows, MEMBERS, width), tf.float32)
    assert mean_score(scores).shape == (rows, width)


@pytest.mark.parametrize(
    "shape", [Shape(DENSE, {}, "binary"), Shape((), IDS, "binary"), Shape(DENSE[:1], {}, "binary")]
)
@pytest.mark.parametrize("hidden", [(), (4, 3)])
def test_a_model_needs_only_one_kind_of_feature(shape: Shape, hidden: tuple[int, ...]) -> None:
    """Only numbers, only ids, one single number: each builds, trains and answers, with hidden layers and without."""
    settings = ModelSettings(members=1, hidden=hidden, embedding=2)
    model = build_model(shape, settings)
    compile_model(model, shape, settings)
    features, labels = batch_of(shape, 6)
    assert np.isfinite(model.train_on_batch(features, labels))
    assert model(features).shape == (6, 1, 1)


def test_its_inputs_are_the_features_of_its_shape() -> None:
    """The inputs' names and types are those of the transformed features."""
    inputs = build_model(SHAPES["binary"], TINY).input
    assert {name: tensor.dtype for name, tensor in inputs.items()} == {
        "miles": "float32",
        "miles_missing": "float32",
        "city": "int64",
        "hour": "int64",
    }


def trained_rows(city: int, hour: int) -> set[int]:
    """Returns the rows of the table of vectors that a step of training on one pair of ids changes."""
    shape = Shape((), IDS, "regression")
    settings = ModelSettings(members=1, hidden=(), embedding=2, weight_decay=0.0)
    model = build_model(shape, settings)
    compile_model(model, shape, settings)
    table = model.get_layer("vectors").embeddings
    before = table.numpy()
    model.train_on_batch({"city": np.array([city]), "hour": np.array([hour])}, np.array([100.0]))
    return set(np.flatnonzero((table.numpy() != before).any(axis=1)).tolist())


@pytest.mark.parametrize(("city", "hour"), [(0, 0), (1, 2), (2, 1), (4, 24)])
def test_each_id_of_each_feature_has_a_row_of_its_own(city: int, hour: int) -> None:
    """The ids of the second feature follow those of the first in the one table, the largest of the last included."""
    assert trained_rows(city, hour) == {city, IDS["city"] + hour}


def test_a_quantile_counts_each_one_that_it_has_passed() -> None:
    """Of an ordered id the model sees how many steps it has reached: a weight for each makes the score a staircase."""
    shape = Shape((), {"fare": 4}, "regression", ordered=frozenset({"fare"}))
    model = build_model(shape, ModelSettings(members=1, hidden=()))
    model.get_layer("scores").set_weights([np.array([[[1.0], [10.0], [100.0]]]), np.zeros((1, 1))])
    assert mean_score(model({"fare": np.arange(4)}))[:, 0].numpy().tolist() == [0.0, 1.0, 11.0, 111.0]


def test_the_members_answer_differently_and_train_each_by_its_own_loss() -> None:
    """The model's loss is the mean of the members' losses, not the loss of their mean."""
    shape = SHAPES["regression"]
    model = build_model(shape, TINY)
    compile_model(model, shape, TINY)
    features, labels = batch_of(shape, 16)
    scores = model(features)[:, :, 0].numpy()
    assert len({column.tobytes() for column in scores.T}) == MEMBERS
    expected = np.mean((scores - labels[:, None]) ** 2)
    assert model.evaluate(features, labels, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert expected > np.mean((scores.mean(axis=1) - labels) ** 2)


def test_a_regressions_scores_begin_at_the_labels_mean_and_its_loss_is_in_units_of_their_variance() -> None:
    """A label of any size trains alike: the untrained model is off by about one standard deviation."""
    shape = replace(SHAPES["regression"], label_mean=5e6, label_scale=1e5)
    model = build_model(shape, TINY)
    compile_model(model, shape, TINY)
    features, labels = batch_of(shape, 64)
    scaled = (labels - labels.mean()) / labels.std() * 1e5 + 5e6
    assert abs(model(features).numpy().mean() - 5e6) < 3e5
    assert 0.5 < model.evaluate(features, scaled, verbose=0) < 5


def test_an_outlier_counts_no_more_than_the_limit() -> None:
    """A dense value beyond the limit scores as the limit does, on both sides."""
    shape = Shape(("miles",), {}, "regression")
    model = build_model(shape, TINY)
    miles = np.array([DENSE_LIMIT, DENSE_LIMIT * 1000, -DENSE_LIMIT, -DENSE_LIMIT * 1000, 0.0], np.float32)
    high, higher, low, lower, middle = mean_score(model({"miles": miles}))[:, 0].numpy().tolist()
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
    shape, settings = SHAPES["binary"], TINY
    model = build_model(shape, settings)
    compile_model(model, shape, settings)
    features, labels = batch_of(shape, 16)
    probability = 1 / (1 + np.exp(-model(features)[:, :, 0].numpy()))
    expected = -np.mean(np.log(np.where(labels[:, None] == 1, probability, 1 - probability)))
    assert model.evaluate(features, labels, verbose=0) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("outputs", "given"),
    [
        (lambda score: {"score": score}, "output is a dict"),
        (lambda score: [score, score], "output is a list"),
        (lambda score: score[:, 0], "scores have the shape (None,)"),
        (lambda score: score[:, None, None], "scores have the shape (None, 1, 1, 1)"),
    ],
)
def test_a_users_model_of_another_output_is_refused(outputs: Any, given: str) -> None:
    """Several tensors, or scores of another rank, are named with what is legal."""
    inputs = {"miles": keras.Input((), name="miles")}
    score = keras.ops.expand_dims(inputs["miles"], 1)
    with pytest.raises(UsageError) as refused:
        compile_model(keras.Model(inputs, outputs(score)), SHAPES["binary"], TINY)
    assert str(refused.value).startswith(f"The model's {given}. Legal is one tensor: [batch, classes]")


def test_a_users_model_needs_no_members() -> None:
    """Scores [batch, classes] train by the plain loss."""
    inputs = {"miles": keras.Input((), name="miles")}
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.ops.expand_dims(inputs["miles"], 1)))
    compile_model(model, SHAPES["regression"], TINY)
    miles = np.arange(4, dtype=np.float32)
    scores = np.asarray(model({"miles": miles}))[:, 0]
    assert model.evaluate({"miles": miles}, miles, verbose=0) == pytest.approx(np.mean((scores - miles) ** 2), rel=1e-5)


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
    assert {layer.compute_dtype for layer in model.layers if layer.name.startswith("hidden")} == {"bfloat16"}
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
