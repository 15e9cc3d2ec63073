"""Metrics, slices and bars of the configuration as TFMA's EvalConfig."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.wrappers_pb2 import DoubleValue
from tensorflow_model_analysis.proto import config_pb2

from pipeline.config import SMALLER_IS_BETTER, Bounds, Config
from schema.roles import LABEL

OURS = "components.metrics"
METRIC_CLASSES: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "binary": {
        "auc": ("AUC", {"num_thresholds": 10000}),
        "pr_auc": ("AUCPrecisionRecall", {"num_thresholds": 10000}),
        "accuracy": ("BinaryAccuracy", {}),
        "precision": ("Precision", {}),
        "recall": ("Recall", {}),
        "calibration": ("Calibration", {}),
        "log_loss": ("LogLoss", {}),
    },
    "multiclass": {
        "accuracy": ("SparseCategoricalAccuracy", {}),
        "log_loss": ("SparseCategoricalCrossentropy", {}),
        "macro_f1": ("MacroF1", {}),
        "macro_auc": ("MacroAUC", {}),
        "macro_precision": ("MacroPrecision", {}),
        "macro_recall": ("MacroRecall", {}),
        "micro_auc": ("MicroAUC", {}),
    },
    "regression": {
        "rmse": ("RootMeanSquaredError", {}),
        "mae": ("MeanAbsoluteError", {}),
        "r2": ("RSquared", {}),
        "mean_prediction": ("MeanPrediction", {}),
    },
}
OUR_CLASSES = frozenset(
    {"LogLoss", "MacroF1", "MacroAUC", "MacroPrecision", "MacroRecall", "MicroAUC", "RSquared", "ByClass"}
    | {"ByThreshold", "MicroByThreshold", "Confusion"}
)
OPTION_OF_THRESHOLD = {"accuracy": "threshold", "precision": "thresholds", "recall": "thresholds"}
ALWAYS = {
    "binary": ("ExampleCount", "MeanLabel", "ByThreshold"),
    "multiclass": ("ExampleCount", "ByClass", "Confusion", "MicroByThreshold"),
    "regression": ("ExampleCount", "MeanLabel"),
}
PREDICTION_KEYS = {"binary": "probability", "multiclass": "probabilities", "regression": "value"}


def eval_config(config: Config) -> config_pb2.EvalConfig:
    """Returns what TFMA's Evaluator is to compute on the test split, and the bars it holds the model to."""
    model = config_pb2.ModelSpec(
        model_type="tf_generic",
        signature_name="serving_default",
        preprocessing_function_names=["transform_features"],
        label_key=LABEL,
        prediction_key=PREDICTION_KEYS[config.problem],
    )
    always = (_unnamed_metric(config, name) for name in ALWAYS[config.problem])
    metrics = [*always, *(_metric(config, name) for name in config.metrics)]
    slices = [config_pb2.SlicingSpec(feature_keys=keys) for keys in config.evaluation.slices]
    return config_pb2.EvalConfig(
        model_specs=[model],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
        slicing_specs=[config_pb2.SlicingSpec(), *slices, *_slices_of_bars(config)],
    )


def _metric(config: Config, name: str) -> config_pb2.MetricConfig:
    class_name, options = METRIC_CLASSES[config.problem][name]
    if config.problem == "binary" and name in OPTION_OF_THRESHOLD:
        options = {OPTION_OF_THRESHOLD[name]: config.evaluation.threshold}
    return config_pb2.MetricConfig(
        class_name=class_name,
        module=OURS if class_name in OUR_CLASSES else "",
        config=json.dumps({"name": name} | options),
        per_slice_thresholds=[*_overall_thresholds(config, name), *_slice_thresholds(config, name)],
    )


def _unnamed_metric(config: Config, class_name: str) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(
        class_name=class_name,
        module=OURS if class_name in OUR_CLASSES else "",
        config=json.dumps({"threshold": config.evaluation.threshold}) if class_name == "ByThreshold" else "",
    )


def _overall_thresholds(config: Config, name: str) -> Iterator[config_pb2.PerSliceMetricThreshold]:
    """The bars on all rows, as those of the empty slice: TFMA holds every slice to a metric's plain `threshold`."""
    bounds = config.evaluation.bars.get(name)
    change = config.evaluation.worst_change.get(name)
    if bounds or change is not None:
        threshold = config_pb2.MetricThreshold(
            value_threshold=_value_threshold(bounds) if bounds else None,
            change_threshold=None if change is None else _change_threshold(name, change),
        )
        yield config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold)


def _slice_thresholds(config: Config, name: str) -> Iterator[config_pb2.PerSliceMetricThreshold]:
    for bar in config.evaluation.slice_bars:
        if name in bar.metrics:
            threshold = config_pb2.MetricThreshold(value_threshold=_value_threshold(bar.metrics[name]))
            yield config_pb2.PerSliceMetricThreshold(slicing_specs=[_slicing_spec(bar.slice)], threshold=threshold)


def _slices_of_bars(config: Config) -> list[config_pb2.SlicingSpec]:
    """The slices that bars name and `slices` does not: a bar on a slice that is not computed would never be checked."""
    computed = {tuple(sorted(keys)) for keys in config.evaluation.slices}
    return [
        _slicing_spec(bar.slice) for bar in config.evaluation.slice_bars if tuple(sorted(bar.slice)) not in computed
    ]


def _slicing_spec(values: dict[str, str | None]) -> config_pb2.SlicingSpec:
    return config_pb2.SlicingSpec(
        feature_keys=[key for key, value in values.items() if value is None],
        feature_values={key: value for key, value in values.items() if value is not None},
    )


def _value_threshold(bounds: Bounds) -> config_pb2.GenericValueThreshold:
    return config_pb2.GenericValueThreshold(
        lower_bound=None if bounds.min is None else DoubleValue(value=bounds.min),
        upper_bound=None if bounds.max is None else DoubleValue(value=bounds.max),
    )


def _change_threshold(name: str, worst: float) -> config_pb2.GenericChangeThreshold:
    if name in SMALLER_IS_BETTER:
        return config_pb2.GenericChangeThreshold(
            absolute=DoubleValue(value=worst), direction=config_pb2.MetricDirection.LOWER_IS_BETTER
        )
    return config_pb2.GenericChangeThreshold(
        absolute=DoubleValue(value=-worst), direction=config_pb2.MetricDirection.HIGHER_IS_BETTER
    )
