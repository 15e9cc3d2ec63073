from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.utils.extmath import softmax

from components.blend import SHARES, Rows, mean_loss, with_trees
from components.data import ExampleSource
from components.layers import mean_score
from components.model import Shape, build_model
from components.settings import ModelSettings
from tests.components.sources import source_of

DENSE = ("miles", "fare")
TINY = ModelSettings(members=2, hidden=(4,), embedding=2, dropout=0.0, trees=20)
PROBLEMS = pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
CLASSES = {"binary": 1, "multiclass": 3, "regression": 1}
Array = npt.NDArray[Any]
Table = dict[str, Array]


@pytest.fixture(autouse=True)
def _same_start() -> Iterator[None]:
    keras.utils.set_random_seed(1)
    yield
    keras.config.set_dtype_policy("float32")


def shape_of(problem: str, **options: Any) -> Shape:
    """Returns a shape of two dense features and an id."""
    return Shape(DENSE, {"city": 5}, problem, CLASSES[problem], **options)


def staircase(problem: str, rows: int, seed: int) -> Table:
    """Returns a table whose label is a step function of `miles`."""
    numbers = np.random.default_rng(seed)
    miles, fare = numbers.normal(size=(2, rows)).astype(np.float32)
    steps = np.digitize(miles, [-0.5, 0.5])
    label = steps if problem == "multiclass" else (steps % 2 * 10).clip(0, 1 if problem == "binary" else 10)
    labels = label.astype(np.int64 if problem == "multiclass" else np.float32)
    return {"miles": miles, "fare": fare, "city": numbers.integers(0, 5, rows), "label": labels}


def sources(folder: Path, table_of: Any, **options: Any) -> tuple[ExampleSource, ExampleSource]:
    """Returns a train and an eval split."""
    train, evaluation = table_of(400, 1), table_of(200, 2)
    return source_of(folder / "train", train, **options), source_of(folder / "eval", evaluation, **options)


def staircases(folder: Path, problem: str, **options: Any) -> tuple[ExampleSource, ExampleSource]:
    """Returns the splits of a staircase."""
    return sources(folder, lambda rows, seed: staircase(problem, rows, seed), **options)


def has_trees(model: keras.Model) -> bool:
    """Whether trees are beside the networks."""
    return "trees" in {layer.name for layer in model.layers}


def features_of(table: Table) -> Table:
    """Returns the table without its label."""
    return {name: values for name, values in table.items() if name != "label"}


def loss_of(model: keras.Model, problem: str, table: Table) -> float:
    """Returns the mean loss of a model on a table."""
    scores = np.asarray(mean_score(model(features_of(table))), np.float64)
    return mean_loss(problem, scores, Rows(np.empty(0), table["label"], None))


@PROBLEMS
@pytest.mark.parametrize("in_memory", [True, False])
def test_trees_join_where_the_truth_is_a_staircase(*, problem: str, in_memory: bool, tmp_path: Path) -> None:
    """Beside untrained networks they make the loss on rows that neither has seen a fifth of what it was, or less."""
    shape = shape_of(problem)
    networks = build_model(shape, TINY)
    model = with_trees(networks, shape, *staircases(tmp_path, problem, in_memory=in_memory), TINY)
    unseen = staircase(problem, 200, 3)
    assert has_trees(model)
    assert model(features_of(unseen)).shape == (200, CLASSES[problem])
    assert loss_of(model, problem, unseen) < 0.2 * loss_of(networks, problem, unseen)


@PROBLEMS
def test_the_shares_of_networks_and_trees_add_up_to_one(problem: str, tmp_path: Path) -> None:
    """The scores lie between those of the networks and those of the trees, at one of the shares that are tried."""
    shape, rows = shape_of(problem), features_of(staircase(problem, 200, 3))
    networks = build_model(shape, TINY)
    model = with_trees(networks, shape, *staircases(tmp_path, problem), TINY)
    of_trees = np.asarray(keras.Model(model.input, model.get_layer("trees").output)(rows), np.float64)
    of_networks = np.asarray(mean_score(networks(rows)), np.float64)
    of_both = np.asarray(model(rows), np.float64)
    fits = [np.allclose(share * of_networks + (1 - share) * of_trees, of_both, atol=1e-4) for share in SHARES[:-1]]
    assert sum(fits) == 1


def noise(rows: int, seed: int) -> Table:
    """Returns a table whose label has nothing to do with its features."""
    numbers = np.random.default_rng(seed)
    return staircase("binary", rows, seed) | {"label": numbers.integers(0, 2, rows).astype(np.float32)}


def line(rows: int, seed: int) -> Table:
    """Returns a table whose label is `miles`, with some noise."""
    numbers, table = np.random.default_rng(seed), staircase("regression", rows, seed)
    return table | {"label": (table["miles"] + numbers.normal(0, 0.1, rows)).astype(np.float32)}


def knowing(problem: str, weight: float, bias: float = 0.0) -> keras.Model:
    """Returns a model of scores [batch, 1] that know the truth: `weight` times miles, and a bias."""
    shape = shape_of(problem)
    inputs = build_model(shape, TINY).input
    return keras.Model(inputs, keras.ops.expand_dims(inputs["miles"] * weight + bias, 1))


@pytest.mark.parametrize(
    ("problem", "table_of", "weight"), [("binary", noise, 0.0), ("regression", line, 1.0)], ids=["noise", "line"]
)
def test_the_networks_stay_alone_where_trees_are_of_no_use(
    problem: str, table_of: Any, weight: float, tmp_path: Path
) -> None:
    """Where there is nothing to find, and where the networks have found it, the model is the networks' mean."""
    networks = knowing(problem, weight)
    model = with_trees(networks, shape_of(problem), *sources(tmp_path, table_of), TINY)
    rows = features_of(table_of(50, 3))
    assert not has_trees(model)
    assert np.asarray(model(rows)).tolist() == np.asarray(networks(rows)).tolist()


@pytest.mark.parametrize(("offset", "joins"), [(0.004, False), (0.05, True)])
def test_trees_that_gain_less_than_a_hundredth_stay_out(*, offset: float, joins: bool, tmp_path: Path) -> None:
    """Networks off by a step at zero, against noise of 0.1: by 0.2 % of its variance, or by a quarter of it."""

    def table_of(rows: int, seed: int) -> Table:
        table = line(rows * 10, seed)
        return table | {"label": table["label"] + (np.sign(table["miles"]) * offset).astype(np.float32)}

    model = with_trees(knowing("regression", 1.0), shape_of("regression"), *sources(tmp_path, table_of), TINY)
    assert has_trees(model) is joins


@PROBLEMS
def test_no_rounds_of_trees_are_networks_alone(problem: str, tmp_path: Path) -> None:
    """`trees: 0` gives the mean of the members' scores, and reads no rows at all."""
    shape, settings = shape_of(problem), TINY.model_copy(update={"trees": 0})
    networks = build_model(shape, settings)
    nothing = ExampleSource((str(tmp_path / "no such file"),), None)
    model = with_trees(networks, shape, nothing, nothing, settings)
    rows = features_of(staircase(problem, 20, 3))
    assert np.asarray(model(rows)).tolist() == np.asarray(mean_score(networks(rows))).tolist()


def test_the_trees_that_join_have_seen_both_splits(tmp_path: Path) -> None:
    """A train split of 60 rows has no leaf for each of eight steps; it and an eval split of 2,000 have."""

    def stairs(rows: int, seed: int) -> Table:
        table = staircase("regression", rows, seed)
        return table | {"label": np.digitize(table["miles"], np.linspace(-1.2, 1.2, 7)).astype(np.float32)}

    shape, settings = shape_of("regression"), TINY.model_copy(update={"trees": 60})
    train = source_of(tmp_path / "train", stairs(60, 1))
    evaluation = source_of(tmp_path / "eval", stairs(2000, 2))
    model = with_trees(build_model(shape, TINY), shape, train, evaluation, settings)
    assert loss_of(model, "regression", stairs(500, 3)) < 0.1


def test_the_inputs_are_those_of_the_networks(tmp_path: Path) -> None:
    """By name and type: the signatures, which feed them, need not know of trees."""
    shape = shape_of("binary")
    networks = build_model(shape, TINY)
    model = with_trees(networks, shape, *staircases(tmp_path, "binary"), TINY)
    assert has_trees(model)
    assert {name: (tensor.dtype, tensor.shape) for name, tensor in model.input.items()} == {
        name: (tensor.dtype, tensor.shape) for name, tensor in networks.input.items()
    }


@pytest.mark.parametrize("redundant", [frozenset(), frozenset({"city"})])
def test_redundant_features_are_not_given_to_the_trees(redundant: frozenset[str], tmp_path: Path) -> None:
    """What an id says that a number says too, the trees need not see twice; the model takes it all the same."""
    shape = shape_of("binary", redundant=redundant)
    model = with_trees(build_model(shape, TINY), shape, *staircases(tmp_path, "binary"), TINY)
    assert model.get_layer("trees").input.shape == (None, 3 - len(redundant))
    assert set(model.input) == {*DENSE, "city"}


def test_mixed_precision_leaves_the_scores_in_single(tmp_path: Path) -> None:
    """Networks that compute in 16 bits beside trees give float32 scores, near those that float32 gives."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    shape, unseen = shape_of("regression"), staircase("regression", 200, 3)
    model = with_trees(build_model(shape, TINY), shape, *staircases(tmp_path, "regression"), TINY)
    assert has_trees(model)
    assert model.get_layer("trees").output.dtype == model.output.dtype == "float32"
    assert loss_of(model, "regression", unseen) < 0.2 * np.var(unseen["label"])


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    """Twice the same scores, bit by bit."""
    shape, rows = shape_of("multiclass"), features_of(staircase("multiclass", 100, 3))
    splits = staircases(tmp_path, "multiclass")
    networks = build_model(shape, TINY)
    first, second = (np.asarray(with_trees(networks, shape, *splits, TINY)(rows)).tolist() for _ in range(2))
    assert first == second


def test_a_blend_can_be_saved(tmp_path: Path) -> None:
    """The SavedModel answers as the model does."""
    shape, rows = shape_of("multiclass"), features_of(staircase("multiclass", 30, 3))
    model = with_trees(build_model(shape, TINY), shape, *staircases(tmp_path, "multiclass"), TINY)
    model.export(str(tmp_path / "saved"), verbose=False)
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    answer = saved.serve({name: tf.constant(rows[name]) for name in model.input})
    np.testing.assert_allclose(answer, model(rows), rtol=1e-6, atol=1e-6)


def test_two_classes_of_text_have_trees_too(tmp_path: Path) -> None:
    """A multi-class problem of two classes, to which scikit-learn gives one score, blends two."""

    def table_of(rows: int, seed: int) -> Table:
        table = staircase("binary", rows, seed)
        return table | {"label": table["label"].astype(np.int64)}

    shape = Shape(DENSE, {"city": 5}, "multiclass", classes=2)
    model = with_trees(build_model(shape, TINY), shape, *sources(tmp_path, table_of, class_weights=(1.0, 1.0)), TINY)
    assert has_trees(model)
    assert loss_of(model, "multiclass", table_of(200, 3)) < 0.2


def test_a_class_beyond_the_rows_of_the_trees_is_unlikely_and_no_error(tmp_path: Path) -> None:
    """Of a class that only the eval split has a row of, the trees know nothing when the rounds are chosen."""

    def table_of(rows: int, seed: int) -> Table:
        table = staircase("multiclass", rows, seed)
        labels = table["label"].copy()
        labels[labels == 2] = 0 if seed == 1 else 2
        return table | {"label": labels}

    shape = shape_of("multiclass")
    model = with_trees(build_model(shape, TINY), shape, *sources(tmp_path, table_of, class_weights=(1.0,) * 3), TINY)
    assert np.isfinite(np.asarray(model(features_of(table_of(50, 3))))).all()


@pytest.mark.parametrize(("problem", "label"), [("binary", 1.0), ("multiclass", 1), ("regression", 7.5)])
def test_rows_that_all_have_one_label_grow_no_trees(problem: str, label: float, tmp_path: Path) -> None:
    """With a `tree_rows` so small that every row is alike there is nothing to split, and no class to know from it."""

    def table_of(rows: int, seed: int) -> Table:
        table = staircase(problem, rows, seed)
        return table | {"label": np.full_like(table["label"], label)}

    shape = shape_of(problem)
    assert not has_trees(with_trees(build_model(shape, TINY), shape, *sources(tmp_path, table_of), TINY))


def test_an_eval_split_without_a_known_class_decides_for_the_networks(tmp_path: Path) -> None:
    """Where no row of the eval split has a class that the train split knows, nothing can be measured."""

    def table_of(rows: int, seed: int) -> Table:
        table = staircase("multiclass", rows, seed)
        return table | ({"label": np.full(rows, -1)} if seed == 2 else {})

    shape = shape_of("multiclass")
    splits = sources(tmp_path, table_of, class_weights=(1.0,) * 3)
    assert not has_trees(with_trees(build_model(shape, TINY), shape, *splits, TINY))


def test_the_trees_get_no_more_rows_than_the_settings_say(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`tree_rows` is what is said of the train split, and no error for a limit beyond the rows."""
    shape, splits = shape_of("binary"), staircases(tmp_path, "binary")
    networks = build_model(shape, TINY)
    for limit in (60, 400, 10_000):
        with caplog.at_level(logging.INFO, "penstock.progress"):
            with_trees(networks, shape, *splits, TINY.model_copy(update={"tree_rows": limit}))
    said = [message for message in caplog.messages if message.startswith("growing")]
    assert said == [f"growing trees on {rows} rows" for rows in (60, 400, 400)]


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("limit", [1, 7, 40, 1000])
def test_rows_are_the_first_of_the_source(*, in_memory: bool, limit: int, tmp_path: Path) -> None:
    """Features as float32, in the order of the names, with their labels; as many as there are, up to the limit."""
    table = staircase("regression", 40, 1)
    source = source_of(tmp_path, table, in_memory=in_memory)
    names = ["fare", "city"]
    rows = Rows.of(source, names, limit)
    assert rows.features.dtype == np.float32
    assert rows.features.shape == (min(limit, 40), 2)
    assert rows.weights is None
    assert rows.features.tolist() == source.matrix(names)[:limit].tolist()
    assert rows.labels.tolist() == source.labels()[:limit].tolist()


def test_a_row_without_a_class_weighs_nothing(tmp_path: Path) -> None:
    """It counts as one of the first class, with the weight 0; the others have the weights of their classes."""
    labels = np.array([-1, 0, 2, 1, -1, 2])
    table = {"miles": np.arange(6, dtype=np.float32), "label": labels}
    rows = Rows.of(source_of(tmp_path, table, class_weights=(1.0, 2.0, 4.0)), ["miles"], 10)
    assert rows.weights is not None
    found = {
        int(mile): (label, weight)
        for (mile,), label, weight in zip(rows.features, rows.labels, rows.weights, strict=True)
    }
    assert found == {0: (0, 0.0), 1: (0, 1.0), 2: (2, 4.0), 3: (1, 2.0), 4: (0, 0.0), 5: (2, 4.0)}
    assert sorted(rows.weighty_labels) == [0, 1, 2, 2]


def test_both_splits_together_are_one_after_the_other() -> None:
    """Features, labels and weights alike; without weights there are none."""
    one = Rows(np.ones((2, 3)), np.array([1, 2]), np.array([0.5, 0.0]))
    other = Rows(np.zeros((1, 3)), np.array([3]), np.array([4.0]))
    both = one.and_those_of(other)
    assert both.weights is not None
    assert (both.features.tolist(), both.labels.tolist()) == ([[1.0] * 3, [1.0] * 3, [0.0] * 3], [1, 2, 3])
    assert both.weights.tolist() == [0.5, 0.0, 4.0]
    plain = Rows(one.features, one.labels, None)
    assert plain.and_those_of(plain).weights is None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_loss_is_the_one_that_scikit_learn_measures(*, seed: int, weighted: bool) -> None:
    """The log loss of logits, that of a softmax, and the squared error, each with weights and without."""
    numbers = np.random.default_rng(seed)
    weights = numbers.uniform(0, 5, 50) if weighted else None
    logits, scores, labels = numbers.normal(0, 3, (50, 1)), numbers.normal(0, 3, (50, 4)), numbers.integers(0, 4, 50)

    def loss(problem: str, given: Array, truth: Array) -> float:
        return mean_loss(problem, given, Rows(np.empty(0), truth, weights))

    of_logits = log_loss(labels % 2, 1 / (1 + np.exp(-logits[:, 0])), sample_weight=weights)
    assert loss("binary", logits, (labels % 2).astype(np.float32)) == pytest.approx(of_logits)
    of_softmax = log_loss(labels, softmax(scores), sample_weight=weights, labels=range(4))
    assert loss("multiclass", scores, labels) == pytest.approx(of_softmax)
    of_values = mean_squared_error(labels, logits[:, 0], sample_weight=weights)
    assert loss("regression", logits, labels.astype(np.float32)) == pytest.approx(of_values)


@pytest.mark.parametrize("size", [50.0, 1000.0, 1e30])
def test_a_loss_of_large_scores_is_finite(size: float) -> None:
    """A score of any size that is wrong costs as much as it is large, where an exponential would overflow."""
    rows = Rows(np.empty(0), np.array([1]), None)
    assert mean_loss("binary", np.array([[-size]]), rows) == pytest.approx(size)
    assert mean_loss("multiclass", np.array([[size, 0.0]]), rows) == pytest.approx(size)
