"""Sums over rows, and what the metrics make of them, held against scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2

from components.metric_sums import (
    BINS,
    MOST_CLASSES,
    by_class,
    by_threshold,
    confusion,
    counts_by_class,
    macro,
    macro_auc,
    mean_of_sums,
    micro_auc,
    micro_by_threshold,
    probabilities_by_class,
    r_squared,
    sums_by_threshold,
    sums_of_log_loss,
    sums_of_squares,
)
from components.metrics import METRICS
from tests.components.tables import REAL_TIME

SEEDS = st.integers(0, 2**32 - 1)
NOTHING = np.array([])
Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]


def classified(seed: int, rows: int = 60, classes: int = 4) -> tuple[Labels, Probabilities]:
    """Returns labels and probabilities of rows, no two of which are in one bin; the last class may have no rows."""
    numbers = np.random.default_rng(seed)
    labels = numbers.integers(0, classes - seed % 2, rows)
    scores = numbers.permutation(BINS - 1)[: rows * classes].reshape(rows, classes) + 0.5
    return labels, scores / BINS


@given(seed=SEEDS)
@REAL_TIME
def test_averages_over_classes_are_those_of_scikit_learn(seed: int) -> None:
    """Macro precision, recall and F1, where a class may have no rows or may never be said."""
    labels, probabilities = classified(seed, rows=12)
    counts, said = counts_by_class(labels, probabilities), probabilities.argmax(axis=1)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(labels, said, average="macro", zero_division=0.0)
    assert [macro(name, counts) for name in ("precision", "recall", "f1")] == pytest.approx([precision, recall, f1])


@given(seed=SEEDS)
@REAL_TIME
def test_each_class_has_its_own_numbers(seed: int) -> None:
    """Rows, precision, recall and F1 of each class; not defined where scikit-learn would have to make one up."""
    labels, probabilities = classified(seed, rows=12)
    found = by_class(counts_by_class(labels, probabilities))
    precision, recall, f1, rows = sk.precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=range(4), zero_division=np.nan
    )
    np.testing.assert_allclose(found, np.stack([rows, precision, recall, f1], axis=1))


@given(seed=SEEDS)
@REAL_TIME
def test_areas_under_the_curves_are_those_of_scikit_learn(seed: int) -> None:
    """The macro average over the classes that have rows, and the micro average over all pairs of a row and a class."""
    labels, probabilities = classified(seed)
    histograms = probabilities_by_class(labels, probabilities)
    present = np.unique(labels)
    areas = [sk.roc_auc_score(labels == one, probabilities[:, one]) for one in present]
    assert macro_auc(histograms) == pytest.approx(np.mean(areas))
    pairs = (labels[:, None] == np.arange(4)).ravel()
    assert micro_auc(histograms) == pytest.approx(sk.roc_auc_score(pairs, probabilities.ravel()))


@given(seed=SEEDS, threshold=st.sampled_from([0.2, 1 / 3, 0.5]))
@REAL_TIME
def test_counts_by_threshold_are_scikit_learns_confusion_matrix(seed: int, threshold: float) -> None:
    """At each threshold, be it on the grid of hundredths or not, a row is a yes where its probability is above it."""
    numbers = np.random.default_rng(seed)
    labels, probabilities = numbers.integers(0, 2, 50), numbers.integers(0, 13, 50) / 12
    edges = sorted({0.0, 0.25, threshold, 1.0})
    counts = by_threshold(edges, sums_by_threshold(edges, labels, probabilities))
    assert counts[:, 0].tolist() == edges
    assert counts[:, 3].sum() == pytest.approx(probabilities.sum())
    for edge in edges:
        no, yes = counts[counts[:, 0] <= edge].sum(axis=0)[1:3], counts[counts[:, 0] > edge].sum(axis=0)[1:3]
        expected = sk.confusion_matrix(labels, probabilities > edge, labels=[0, 1])
        assert np.stack([no, yes], axis=1).tolist() == expected.tolist()


@given(seed=SEEDS)
@REAL_TIME
def test_counts_by_threshold_of_all_pairs_are_those_of_scikit_learn(seed: int) -> None:
    """Each pair of a row and a class counts once, by whether the row is of the class."""
    labels, probabilities = classified(seed)
    counts = micro_by_threshold(probabilities_by_class(labels, probabilities))
    pairs = (labels[:, None] == np.arange(4)).ravel()
    expected = sk.confusion_matrix(pairs, probabilities.ravel() > 0.3)
    assert counts[counts[:, 0] <= 0.3].sum(axis=0)[1:3].tolist() == expected[:, 0].tolist()
    assert counts[:, 3].sum() == pytest.approx(probabilities.sum(), rel=1e-3)


def test_a_confusion_matrix_of_very_many_classes_is_not_kept() -> None:
    """Nobody can read it, and each slice would have one."""
    assert confusion(np.ones((MOST_CLASSES, MOST_CLASSES))).shape == (MOST_CLASSES, MOST_CLASSES)
    assert confusion(np.ones((MOST_CLASSES + 1, MOST_CLASSES + 1))).shape == (0, 0)


@given(seed=SEEDS, mean=st.sampled_from([0.0, 1e4]))
@REAL_TIME
def test_r_squared_is_that_of_scikit_learn(seed: int, mean: float) -> None:
    """It may be negative, for a model that is worse than the mean, and the label may be far from zero."""
    numbers = np.random.default_rng(seed)
    labels = numbers.normal(mean, 2.0, 40)
    predictions = labels + numbers.normal(0, 3.0, 40)
    sums = sums_of_squares(labels, predictions)
    assert r_squared(sums) == pytest.approx(sk.r2_score(labels, predictions), rel=1e-3)


@given(seed=SEEDS)
@REAL_TIME
def test_the_log_loss_is_that_of_scikit_learn(seed: int) -> None:
    """The mean over all rows, whatever the weights of the parts that were added up."""
    numbers = np.random.default_rng(seed)
    labels, probabilities = numbers.integers(0, 2, 30), numbers.uniform(0.01, 0.99, 30)
    sums = sums_of_log_loss(labels, probabilities)
    assert mean_of_sums(sums) == pytest.approx(sk.log_loss(labels, probabilities, labels=[0, 1]))


def test_a_model_that_is_sure_has_a_log_loss() -> None:
    """A probability of exactly 1 or 0 gives nearly nothing where it is right, and a large number where it is wrong."""
    right = sums_of_log_loss(np.array([1, 0]), np.array([1.0, 0.0], np.float32))
    wrong = sums_of_log_loss(np.array([0, 1]), np.array([1.0, 0.0], np.float32))
    assert mean_of_sums(right) == pytest.approx(0.0, abs=1e-6)
    assert mean_of_sums(wrong) == pytest.approx(-np.log(1e-7), rel=1e-3)
    assert np.isnan(mean_of_sums(sums_of_log_loss(NOTHING, NOTHING)))


def test_r_squared_of_a_label_that_does_not_vary_is_not_defined() -> None:
    """One row, or no row, has no variance to explain."""
    assert np.isnan(r_squared(sums_of_squares(np.array([3]), np.array([2.0]))))
    assert np.isnan(r_squared(sums_of_squares(NOTHING, NOTHING)))


@pytest.mark.parametrize("of_rows", [sums_of_squares, sums_of_log_loss, counts_by_class, probabilities_by_class])
def test_rows_may_be_added_up_in_any_parts(of_rows: Callable[[Any, Any], npt.NDArray[np.float64]]) -> None:
    """The sum of all rows is the sum of the sums of their parts, which is what Beam relies on."""
    labels, probabilities = classified(1)
    predictions = probabilities if of_rows in {counts_by_class, probabilities_by_class} else probabilities[:, 0]
    parts = [of_rows(labels[part], predictions[part]) for part in (slice(None, 7), slice(7, None))]
    np.testing.assert_allclose(of_rows(labels, predictions), parts[0] + parts[1])


@pytest.mark.parametrize("of_sum", [macro_auc, lambda sums: macro("f1", sums[:, 0, :0])])
def test_no_rows_give_no_average(of_sum: Callable[[Any], float]) -> None:
    """A slice without rows has no metric, rather than a zero."""
    assert np.isnan(of_sum(probabilities_by_class(NOTHING, NOTHING)))


def test_a_row_without_a_class_counts_for_none() -> None:
    """A class that training never saw is -1: it adds to no class's rows."""
    counts = counts_by_class(np.array([-1, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    assert counts.tolist() == [[1.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_tfma_finds_each_by_module_and_name(metric: type) -> None:
    """An EvalConfig that names the class gives TFMA one metric under the name asked for, beside the sum it rests on."""
    spec = config_pb2.MetricConfig(
        class_name=metric.__name__, module="components.metrics", config=json.dumps({"name": "mine"})
    )
    computations = metric_specs.to_computations(
        [config_pb2.MetricsSpec(metrics=[spec])],
        config_pb2.EvalConfig(model_specs=[config_pb2.ModelSpec(label_key="label", prediction_key="value")]),
    )
    names = [key.name for computation in computations for key in computation.keys]
    assert names.count("mine") == 1
    assert len([name for name in names if name.startswith("_")]) >= 1
