"""What is added up for many rows at once, beside TFMA's own combiners, which get the same rows one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.summing import KINDS, RowByRow, Scored, Summer, summer_of
from components.metrics import METRICS
from pipeline.evaluation import METRIC_CLASSES
from tests.components.tables import REAL_TIME

SEEDS = st.integers(0, 2**32 - 1)
ROWS = 40
CLASSES = 3


def combiners(problem: str) -> list[Any]:
    """Returns the combiners on which a problem's metrics rest."""
    more = {"binary": ["ByThreshold"], "multiclass": ["Confusion"], "regression": ["MeanLabel"]}[problem]
    names = [name for name, _ in METRIC_CLASSES[problem].values()]
    metrics = [
        config_pb2.MetricConfig(class_name=name, module="components.metrics" if name in OURS else "")
        for name in (*names, "ExampleCount", *more)
    ]
    config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key="label", prediction_key="prediction")],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )
    made = metric_specs.to_computations(list(config.metrics_specs), eval_config=config)
    return [one.combiner for one in made if isinstance(one, metric_types.MetricComputation)]


OURS = {metric.__name__ for metric in METRICS}
COMBINERS = {problem: combiners(problem) for problem in METRIC_CLASSES}


def rows(problem: str, seed: int) -> Scored:
    """Returns rows of a problem; probabilities are on edges of TFMA's buckets, too, and of thresholds."""
    numbers = np.random.default_rng(seed)
    if problem == "regression":
        return Scored(numbers.normal(size=ROWS).astype(np.float32), numbers.normal(size=ROWS).astype(np.float32))
    if problem == "binary":
        probabilities = numbers.choice([0.0, 0.25, 0.5, 0.7, 1.0, *numbers.random(20)], ROWS)
        return Scored(numbers.integers(0, 2, ROWS).astype(np.float32), probabilities.astype(np.float32))
    scores = numbers.random((ROWS, CLASSES)).astype(np.float32)
    return Scored(numbers.integers(0, CLASSES, ROWS), scores / scores.sum(axis=1, keepdims=True))


def comparable(output: dict[Any, Any]) -> dict[str, Any]:
    """Returns a combiner's output as numbers by name."""
    return {str(key.name): _numbers(value) for key, value in output.items()}


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):  # of thresholds
        return {threshold: tuple(entry.matrix) for threshold, entry in value.items()}
    if isinstance(value, list):  # of buckets
        return [tuple(vars(bucket).values()) for bucket in value]
    if hasattr(value, "total_weighted_labels"):
        return value.total_weighted_labels, value.total_weighted_predictions, value.total_weighted_examples
    return value


def assert_equal(one: Any, other: Any) -> None:
    """Holds two outputs against each other."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    else:
        np.testing.assert_allclose(np.asarray(one, np.float64), np.asarray(other, np.float64), rtol=1e-6, atol=1e-6)


def in_parts(summer: Summer, scored: Scored) -> Any:
    """Returns the sum of the sums of three parts."""
    return summer.merge([summer.of(scored.take(part)) for part in np.split(np.arange(len(scored)), [5, 17])])


@pytest.mark.parametrize("problem", list(METRIC_CLASSES))
@given(seed=SEEDS)
@REAL_TIME
def test_sums_are_those_that_tfma_makes_row_by_row(problem: str, seed: int) -> None:
    """All combiners of a problem's metrics, on rows in parts."""
    scored = rows(problem, seed)
    for combiner in COMBINERS[problem]:
        summer, slow = summer_of(combiner, ""), RowByRow(combiner, "")
        assert not isinstance(summer, RowByRow)
        expected = slow.output(slow.of(scored))
        assert_equal(comparable(summer.output(in_parts(summer, scored))), comparable(expected))


def test_each_kind_is_held_against_tfma() -> None:
    """The problems' metrics rest on all kinds of combiners that are known."""
    seen = {type(combiner).__name__ for of_problem in COMBINERS.values() for combiner in of_problem}
    assert seen == set(KINDS)
