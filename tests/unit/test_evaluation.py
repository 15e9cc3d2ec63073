from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from tensorflow_model_analysis.proto import config_pb2

from pipeline.config import METRICS
from pipeline.evaluation import eval_config
from schema.roles import LABEL
from tests.unit.samples import config

LABELS = {"binary": "tips > 1", "multiclass": "kind", "regression": "tips"}
Spec = config_pb2.SlicingSpec


def _eval_config(**evaluation: Any) -> config_pb2.EvalConfig:
    return eval_config(config(evaluation=evaluation))


def _thresholds(given: config_pb2.EvalConfig, metric: str) -> Sequence[config_pb2.PerSliceMetricThreshold]:
    configs = {json.loads(one.config).get("name"): one for one in given.metrics_specs[0].metrics if one.config}
    return list(configs[metric].per_slice_thresholds)


def _only(given: config_pb2.EvalConfig, metric: str) -> config_pb2.PerSliceMetricThreshold:
    thresholds = _thresholds(given, metric)
    assert len(thresholds) == 1
    return thresholds[0]


def test_a_bar_on_all_rows_is_one_of_the_empty_slice() -> None:
    """A bar on all of the test split binds the empty slice only: TFMA holds every slice to a plain threshold."""
    given = _eval_config(bars={"auc": {"min": 0.9}}, slices=[["hour"]])
    bar = _only(given, "auc")
    assert list(bar.slicing_specs) == [Spec()]
    assert bar.threshold.value_threshold.lower_bound.value == 0.9
    assert not any(metric.HasField("threshold") for metric in given.metrics_specs[0].metrics)


def test_a_bar_bounds_only_the_sides_it_gives() -> None:
    """A least value sets no greatest one, and the other way about."""
    given = _eval_config(bars={"auc": {"min": 0.9}, "log_loss": {"max": 0.25}, "calibration": {"min": 0.9, "max": 1.1}})
    sides = {
        metric: [side for side in ("lower_bound", "upper_bound") if bar.threshold.value_threshold.HasField(side)]
        for metric in ("auc", "log_loss", "calibration")
        for bar in [_only(given, metric)]
    }
    assert sides == {
        "auc": ["lower_bound"],
        "log_loss": ["upper_bound"],
        "calibration": ["lower_bound", "upper_bound"],
    }


def test_a_bar_of_zero_is_a_bar() -> None:
    """Zero is a bound like another, not the absence of one."""
    bounds = _only(_eval_config(bars={"auc": {"min": 0.0}}), "auc").threshold.value_threshold
    assert bounds.HasField("lower_bound")
    assert bounds.lower_bound.value == 0.0


def test_worst_change_of_a_metric_that_should_be_high() -> None:
    """An AUC may fall by the worst change and no more, so that the least change is its negative."""
    change = _only(_eval_config(worst_change={"auc": 0.005}), "auc").threshold.change_threshold
    assert change.direction == config_pb2.MetricDirection.HIGHER_IS_BETTER
    assert change.absolute.value == -0.005


def test_worst_change_of_a_metric_that_should_be_low() -> None:
    """A log loss may rise by the worst change and no more, so that the greatest change is itself."""
    change = _only(_eval_config(worst_change={"log_loss": 0.01}), "log_loss").threshold.change_threshold
    assert change.direction == config_pb2.MetricDirection.LOWER_IS_BETTER
    assert change.absolute.value == 0.01


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_errors_of_a_regression_should_be_low(metric: str) -> None:
    """Errors of a regression are better the smaller they are."""
    given = eval_config(config(problem="regression", label="tips", evaluation={"worst_change": {metric: 0.5}}))
    assert _only(given, metric).threshold.change_threshold.direction == config_pb2.MetricDirection.LOWER_IS_BETTER


def test_no_worse_at_all_is_a_bar() -> None:
    """A worst change of zero holds the model to what the last blessed one reached."""
    threshold = _only(_eval_config(worst_change={"auc": 0}), "auc").threshold
    assert threshold.HasField("change_threshold")
    assert threshold.change_threshold.absolute.value == 0


def test_a_bar_and_a_worst_change_hold_together() -> None:
    """A metric with a bar and a worst change is held to both on all rows."""
    threshold = _only(_eval_config(bars={"auc": {"min": 0.9}}, worst_change={"auc": 0.1}), "auc").threshold
    assert threshold.HasField("value_threshold")
    assert threshold.HasField("change_threshold")


def test_a_metric_without_a_bar_is_only_measured() -> None:
    """Without a bar a metric is computed and refuses nothing."""
    assert _thresholds(_eval_config(bars={"auc": {"min": 0.9}}), "recall") == []


def test_a_slice_bar_binds_its_value() -> None:
    """A bar on one value of a slice binds the rows with that value."""
    bars = [{"slice": {"payment": "Cash"}, "metrics": {"accuracy": {"min": 0.6}}}]
    bar = _only(_eval_config(slice_bars=bars), "accuracy")
    assert list(bar.slicing_specs) == [Spec(feature_values={"payment": "Cash"})]
    assert bar.threshold.value_threshold.lower_bound.value == 0.6


def test_a_slice_bar_on_null_binds_each_value() -> None:
    """A bar on a slice's null binds every value of that slice, each by itself."""
    bars = [{"slice": {"hour": None, "payment": "Cash"}, "metrics": {"accuracy": {"min": 0.6}}}]
    bar = _only(_eval_config(slice_bars=bars), "accuracy")
    assert list(bar.slicing_specs) == [Spec(feature_keys=["hour"], feature_values={"payment": "Cash"})]


def test_a_slice_of_a_bar_is_computed() -> None:
    """A bar on a slice that evaluation.slices lacks has that slice computed: else nobody would check the bar."""
    bars = [
        {"slice": {"hour": None}, "metrics": {"accuracy": {"min": 0.6}}},
        {"slice": {"payment": "Cash"}, "metrics": {"accuracy": {"min": 0.6}}},
    ]
    given = _eval_config(slices=[["company"]], slice_bars=bars)
    assert list(given.slicing_specs) == [
        Spec(),
        Spec(feature_keys=["company"]),
        Spec(feature_keys=["hour"]),
        Spec(feature_values={"payment": "Cash"}),
    ]


def test_a_slice_that_is_computed_already_is_not_asked_for_twice() -> None:
    """A bar on a slice of evaluation.slices, in whatever order of its columns, adds no slice."""
    bars = [{"slice": {"payment": "Cash", "hour": None}, "metrics": {"accuracy": {"min": 0.6}}}]
    given = _eval_config(slices=[["hour", "payment"]], slice_bars=bars)
    assert list(given.slicing_specs) == [Spec(), Spec(feature_keys=["hour", "payment"])]


@pytest.mark.parametrize("problem", METRICS)
def test_every_metric_of_every_problem_is_computed(problem: str) -> None:
    """All metrics that a problem may name are asked of TFMA, each under that name, beside rows, mean label and curves.

    The mean of the indices of classes says nothing: each class is measured by itself instead.
    """
    given = eval_config(config(problem=problem, label=LABELS[problem]))
    metrics = list(given.metrics_specs[0].metrics)
    named = [json.loads(metric.config)["name"] for metric in metrics if "name" in json.loads(metric.config or "{}")]
    assert named == list(METRICS[problem])
    assert [metric.class_name for metric in metrics][: -len(named)] == {
        "binary": ["ExampleCount", "MeanLabel", "ByThreshold"],
        "multiclass": ["ExampleCount", "ByClass", "Confusion", "MicroByThreshold"],
        "regression": ["ExampleCount", "MeanLabel"],
    }[problem]


@pytest.mark.parametrize(
    ("problem", "key"), [("binary", "probability"), ("multiclass", "probabilities"), ("regression", "value")]
)
def test_the_served_answer_is_what_is_measured(problem: str, key: str) -> None:
    """The signature that serves is the one measured, by the output that the problem has, against the label."""
    spec = eval_config(config(problem=problem, label=LABELS[problem])).model_specs[0]
    assert (spec.signature_name, spec.prediction_key, spec.label_key) == ("serving_default", key, LABEL)


def test_the_threshold_is_that_of_the_metrics_that_take_a_row_for_a_yes() -> None:
    """Accuracy, precision and recall share evaluation.threshold; the others have none."""
    given = _eval_config(threshold=0.2)
    options = {
        metric.get("name", one.class_name): metric
        for one in given.metrics_specs[0].metrics
        if one.config
        for metric in [json.loads(one.config)]
    }
    assert options["ByThreshold"] == {"threshold": 0.2}
    assert (options["accuracy"]["threshold"], options["precision"]["thresholds"]) == (0.2, 0.2)
    assert options["recall"]["thresholds"] == 0.2
    assert "threshold" not in options["auc"]
