from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import softmax

from components.class_weights import BINARY_CLASSES, correction, weights_by_class
from components.settings import ModelSettings
from components.training import batch_size_for, without_weights
from schema.errors import UsageError
from tests.components.tables import REAL_TIME

CITIES = ("Rome", "Oslo", "Bern")
LABELS = np.array([0, 0, 0, 1, 2, 2, -1])
Array = npt.NDArray[Any]


def test_binary_rows_without_a_setting_have_no_weights() -> None:
    """Each has a label, and all count alike."""
    assert weights_by_class("binary", "none", np.array([0.0, 1.0]), BINARY_CLASSES) is None


@pytest.mark.parametrize("classes", [CITIES, BINARY_CLASSES])
def test_rows_of_classes_have_weights_though_all_are_one(classes: tuple[str, ...]) -> None:
    """A row of the eval split may have a class that the train split does not know, and must weigh nothing.

    That holds for texts that are called as the labels of a binary problem are, too.
    """
    assert weights_by_class("multiclass", "none", LABELS, classes) == (1.0,) * len(classes)


@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=60).map(lambda some: np.array([*some, *range(5)])))
@REAL_TIME
def test_balanced_is_what_scikit_learn_makes_of_it(labels: Array) -> None:
    """Rows / (classes * rows of the class), where rows without a class do not count."""
    expected = compute_class_weight("balanced", classes=np.arange(5), y=labels)
    with_unknown = np.concatenate([labels, [-1, -1]])
    assert weights_by_class("multiclass", "balanced", with_unknown, tuple("abcde")) == pytest.approx(expected)


def test_balanced_classes_weigh_the_same() -> None:
    """A label of zeros and ones, as floats: what is rare counts as much as what is frequent."""
    labels = np.array([0.0] * 90 + [1.0] * 10)
    weights = weights_by_class("binary", "balanced", labels, BINARY_CLASSES)
    assert weights is not None
    assert 90 * weights[0] == pytest.approx(10 * weights[1]) == pytest.approx(50)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"1": 5.0}, (1.0, 5.0)),
        ({"0": 0.5, "1": 2.0}, (0.5, 2.0)),
        ({"true": 3.0}, (1.0, 3.0)),
        ({"True": 3.0, "FALSE": 2.0}, (2.0, 3.0)),
    ],
)
def test_a_binary_label_has_two_names(setting: dict[str, float], expected: tuple[float, float]) -> None:
    """0 and false are one class, 1 and true the other; the one that is not named weighs 1."""
    assert weights_by_class("binary", setting, np.zeros(3), BINARY_CLASSES) == expected


@pytest.mark.parametrize("name", [1, True, "1", "true"])
def test_a_class_may_be_named_as_yaml_reads_it(name: object) -> None:
    """`{1: 5}` and `{true: 5}` are a number and a truth value to YAML, and mean what they seem to."""
    settings = ModelSettings.model_validate({"class_weights": {name: 5}})
    assert weights_by_class("binary", settings.class_weights, np.zeros(3), BINARY_CLASSES) == (1.0, 5.0)


def test_classes_of_text_are_named_as_they_are() -> None:
    """By the order of the classes, not by that of the setting."""
    assert weights_by_class("multiclass", {"Bern": 4.0, "Rome": 0.25}, LABELS, CITIES) == (0.25, 1.0, 4.0)


@pytest.mark.parametrize("weight", [0, -1, float("inf"), float("nan"), "much"])
def test_a_weight_is_a_number_above_zero(weight: object) -> None:
    """Zero would be a class that is not learned, and nothing could take it out of the scores again."""
    with pytest.raises(ValidationError):
        ModelSettings.model_validate({"class_weights": {"a": weight}})


@pytest.mark.parametrize(
    ("problem", "given", "classes", "sentence"),
    [
        ("multiclass", "Osl", CITIES, "names the class 'Osl'. Did you mean 'Oslo'?"),
        ("multiclass", "oslo", CITIES, "names the class 'oslo'. Did you mean 'Oslo'?"),
        ("multiclass", "xyz", CITIES, "names the class 'xyz'. Legal here: Bern, Oslo, Rome."),
        ("binary", "ture", BINARY_CLASSES, "names the class 'ture'. Did you mean 'true'?"),
        ("binary", "2", BINARY_CLASSES, "names the class '2'. Legal here: false, true."),
    ],
)
def test_a_class_that_there_is_not_is_answered_with_the_nearest(
    problem: str, given: str, classes: tuple[str, ...], sentence: str
) -> None:
    """The message names the setting, what was given, and what is legal."""
    with pytest.raises(UsageError) as refused:
        weights_by_class(problem, {given: 2.0}, LABELS, classes)
    assert str(refused.value) == f"model.class_weights {sentence}"


def sigmoid(scores: Array) -> Array:
    """Returns the probabilities of logits."""
    return np.asarray(1 / (1 + np.exp(-scores)))


def rare_event(rows: int = 40_000) -> tuple[Array, Array]:
    """Returns two features and a label that is true for about a twentieth of the rows, as their logit says."""
    numbers = np.random.default_rng(1)
    features = numbers.normal(size=(rows, 2))
    return features, (numbers.uniform(size=rows) < sigmoid(features @ [1.0, -0.5] - 3.5)).astype(int)


def test_the_correction_makes_a_weighted_model_foretell_the_base_rate_again() -> None:
    """A logistic regression that was fitted with weights says true far too often; corrected it says as often as it is.

    Its corrected probabilities are, row by row, near those of the regression that knew no weights.
    """
    features, labels = rare_event()
    weights = weights_by_class("binary", "balanced", labels, BINARY_CLASSES)
    assert weights is not None
    plain = LogisticRegression(C=1e6).fit(features, labels).predict_proba(features)[:, 1]
    weighted = LogisticRegression(C=1e6, class_weight="balanced").fit(features, labels)
    scores = weighted.decision_function(features)[:, None]
    corrected = sigmoid(scores + correction("binary", weights))[:, 0]
    assert sigmoid(scores).mean() > 5 * labels.mean()
    assert corrected.mean() == pytest.approx(labels.mean(), rel=0.03)
    assert np.abs(corrected - plain).max() < 0.03


def test_the_correction_of_several_classes_brings_their_frequencies_back() -> None:
    """The mean probability of each class is the share of its rows, with weights of all sizes."""
    features, event = rare_event()
    labels = event + (features[:, 1] + np.random.default_rng(2).logistic(size=len(features)) > 1)
    weights = weights_by_class("multiclass", {"a": 0.25, "c": 20.0}, labels, ("a", "b", "c"))
    assert weights is not None
    fitted = LogisticRegression(C=1e6, class_weight=dict(enumerate(weights)), max_iter=500).fit(features, labels)
    scores = fitted.decision_function(features)
    shares = np.bincount(labels) / len(labels)
    assert np.abs(softmax(scores).mean(axis=0) - shares).max() > 0.2
    np.testing.assert_allclose(softmax(scores + correction("multiclass", weights)).mean(axis=0), shares, atol=0.01)


@given(weights=st.lists(st.floats(0.01, 100), min_size=2, max_size=5), factor=st.floats(0.1, 10))
@REAL_TIME
def test_only_the_ratio_of_weights_is_corrected(weights: list[float], factor: float) -> None:
    """Weights that are all a number of times as large are the same weights to the probabilities."""
    scores = np.zeros((1, len(weights)))
    once, times = (softmax(scores + correction("multiclass", [by * one for one in weights])) for by in (1.0, factor))
    np.testing.assert_allclose(once, times, atol=1e-5)


def model_of(classes: int) -> keras.Model:
    """Returns a model whose scores are its input, once for each class."""
    inputs = {"miles": keras.Input((), name="miles")}
    return keras.Model(inputs, keras.ops.repeat(keras.ops.expand_dims(inputs["miles"], 1), classes, axis=1))


@pytest.mark.parametrize(
    ("problem", "weights", "expected"),
    [
        ("binary", (1.0, np.e), [-1.0, 1.0]),
        ("binary", (np.e, 1.0), [1.0, 3.0]),
        ("multiclass", (np.e, 1.0, 1 / np.e), [[-1.0, 0.0, 1.0], [1.0, 2.0, 3.0]]),
    ],
)
def test_the_weights_of_the_training_are_taken_out_of_the_models_scores(
    problem: str, weights: tuple[float, ...], expected: list[Any]
) -> None:
    """The score of a class falls by the logarithm of its weight; the inputs stay as they were."""
    model = without_weights(model_of(1 if problem == "binary" else 3), problem, weights)
    scores = np.asarray(model({"miles": np.array([0.0, 2.0], np.float32)}))
    np.testing.assert_allclose(scores, np.reshape(expected, scores.shape), atol=1e-6)
    assert list(model.input) == ["miles"]


@pytest.mark.parametrize("weights", [None, (1.0, 1.0, 1.0), (7.0, 7.0, 7.0)])
def test_equal_weights_leave_the_model_as_it_is(weights: tuple[float, ...] | None) -> None:
    """There is nothing to take out."""
    model = model_of(3)
    assert without_weights(model, "multiclass", weights) is model


@pytest.mark.parametrize(
    ("rows", "size"),
    [(0, 16), (1, 16), (512, 16), (724, 16), (725, 32), (1024, 32), (10_573, 256), (8192, 256), (10**9, 256)],
)
def test_the_size_of_a_batch_follows_the_rows(rows: int, size: int) -> None:
    """The power of two nearest to a 32nd of them, within its bounds."""
    assert batch_size_for(rows) == size


@given(st.integers(0, 10**7), st.integers(0, 10**7))
@REAL_TIME
def test_more_rows_have_no_smaller_batches(one: int, other: int) -> None:
    """Every size is a power of two from 16 to 256, and sizes never shrink as rows are added."""
    few, many = (batch_size_for(rows) for rows in sorted((one, other)))
    assert {few, many} <= {16, 32, 64, 128, 256}
    assert few <= many
