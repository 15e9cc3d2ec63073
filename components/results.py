"""What TFMA wrote: the metrics of each slice, and the bars that were missed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import json_format, wrappers_pb2  # noqa: F401  # the latter is what TFMA's messages are built of

from components.metric_sums import COLUMNS_OF_A_CLASS, Array
from components.records.framing import unframe

CANDIDATE = ("candidate", "")  # TFMA names the model only where it has a baseline beside it
BASELINE = ("baseline",)
ALL_ROWS = "all rows"
MATRIX = 2  # dimensions
LABEL_VOCABULARY = "label_vocabulary"  # of components.preprocessing, which loads TensorFlow
NEED_BOTH_CLASSES = frozenset({"auc", "pr_auc"})  # TFMA answers 0 where there is one class only


@dataclass(frozen=True)
class ClassMetrics:
    """What is measured of one class of several: the number of its rows, and what is defined of it."""

    name: str
    examples: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class SliceMetrics:
    """The metrics of one slice, beside the mean of its labels; the slice is empty for all rows.

    A metric that is not defined on the slice, such as the AUC where all labels are the same, is left out. Classes have
    no mean (None); where there are several, each has metrics of its own.
    """

    slice: Mapping[str, str]
    examples: int
    mean_label: float | None
    metrics: Mapping[str, float]
    classes: tuple[ClassMetrics, ...] = ()

    @property
    def name(self) -> str:
        """The slice in words."""
        return slice_name(self.slice)


def metrics_by_slice(
    evaluation: str, order: Sequence[str], classes: Sequence[str] = (), models: Sequence[str] = CANDIDATE
) -> list[SliceMetrics]:
    """Returns a model's metrics in an Evaluator's output folder, those of each slice in the given order.

    `classes` names the classes of a multi-class problem, by their index; `models` is CANDIDATE or BASELINE.

    All rows come first, then feature by feature the larger slices before the smaller.
    """
    found = _values_by_slice(evaluation, models)
    slices = [_slice_metrics(features, values, order, classes) for features, values in found]
    return sorted(slices, key=lambda one: (len(one.slice), tuple(one.slice), -one.examples))


def arrays_by_slice(evaluation: str, metric: str, models: Sequence[str] = CANDIDATE) -> dict[str, Array]:
    """Returns a metric that is an array, by the slice in words; of shape [0, 0] where it has no value there."""
    return {
        slice_name(features): _array(values[metric].array_value)
        for features, values in _values_by_slice(evaluation, models)
        if metric in values and values[metric].HasField("array_value")
    }


def eval_config_of(evaluation: str) -> Any:
    """Returns the EvalConfig (TFMA's proto) that an Evaluator's output folder was computed by."""
    from tensorflow_model_analysis.proto import config_pb2

    content = Path(evaluation, "eval_config.json").read_text(encoding="utf-8")
    return json_format.Parse(content, config_pb2.EvalRun()).eval_config


def slice_name(features: Mapping[str, str]) -> str:
    """Returns a slice in words."""
    return ", ".join(f"{feature}={value}" for feature, value in features.items()) or ALL_ROWS


def missed_bars(evaluation: str) -> list[str]:
    """Returns a sentence for each bar that the candidate missed."""
    from tensorflow_model_analysis.proto import (
        config_pb2,  # noqa: F401
        metrics_for_slice_pb2,  # noqa: F401  # both for the third, which is built of them and does not say so
        validation_result_pb2,
    )

    (record,) = _records(evaluation, "validations")
    result = validation_result_pb2.ValidationResult.FromString(record)
    missed = [
        f"{failure.metric_key.name} {_failure(failure)} on {slice_name(_features_of(validation.slice_key))}"
        for validation in result.metric_validations_per_slice
        for failure in validation.failures
    ]
    return missed + [f"no row of the slice {_spec_name(spec)}, which has a bar" for spec in result.missing_slices]


def classes_of(transform_graph: str) -> list[str]:
    """Returns the classes of a multi-class label by their index, from the vocabulary in a Transform's output folder."""
    vocabulary = Path(transform_graph, "transform_fn", "assets", LABEL_VOCABULARY)
    return vocabulary.read_text(encoding="utf-8").splitlines() if vocabulary.exists() else []


def _values_by_slice(evaluation: str, models: Sequence[str]) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """The features of each slice and its values (TFMA's MetricValue), of the first of the models that has any."""
    slices = list(_metrics_for_slices(evaluation))
    by_model = ([(features, _values_of(model, values)) for features, values in slices] for model in models)
    return next((found for found in by_model if any(values for _, values in found)), [])


def _metrics_for_slices(evaluation: str) -> Iterator[tuple[dict[str, str], Sequence[Any]]]:
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    for record in _records(evaluation, "metrics"):
        one = metrics_for_slice_pb2.MetricsForSlice.FromString(record)
        yield _features_of(one.slice_key), one.metric_keys_and_values


def _values_of(model: str, values: Sequence[Any]) -> dict[str, Any]:
    """A model's values by the name of the metric, beside those that are of no model, such as the number of rows."""
    own = [one for one in values if not one.key.is_diff]  # to the baseline
    of_model = {one.key.name: one.value for one in own if one.key.model_name == model}
    return of_model and {one.key.name: one.value for one in own if not one.key.model_name} | of_model


def _records(evaluation: str, kind: str) -> Iterator[bytes]:
    """What TFMA wrote of one kind; TFMA's own functions that read it would load TensorFlow first."""
    for file in sorted(Path(evaluation).glob(f"{kind}*.tfrecord")):
        yield from unframe(file.read_bytes())


def _array(value: Any) -> Array:
    shape = list(value.shape)
    return np.array(value.float64_values, float).reshape(shape if len(shape) == MATRIX else (0, 0))


def _features_of(key: Any) -> dict[str, str]:
    """The features of TFMA's SliceKey, and their values in words."""
    return {one.column: _text(getattr(one, one.WhichOneof("kind"))) for one in key.single_slice_keys}


def _slice_metrics(
    features: Mapping[str, str], values: Mapping[str, Any], order: Sequence[str], classes: Sequence[str]
) -> SliceMetrics:
    numbers = {name: one.double_value.value for name, one in values.items() if one.HasField("double_value")}
    examples = int(numbers.pop("example_count", 0))
    mean_label = numbers.pop("mean_label", None)
    undefined = NEED_BOTH_CLASSES if mean_label in (0.0, 1.0) else frozenset()
    defined = [name for name in order if name in numbers and not math.isnan(numbers[name]) and name not in undefined]
    return SliceMetrics(
        features,
        examples,
        mean_label,
        {name: numbers[name] for name in defined},
        tuple(_class_metrics(classes, values["by_class"].array_value)) if "by_class" in values else (),
    )


def _class_metrics(classes: Sequence[str], array: Any) -> Iterator[ClassMetrics]:
    _, *defined = COLUMNS_OF_A_CLASS
    numbers = np.array(array.float64_values, float).reshape(-1, 1 + len(defined))
    for index, (examples, *values) in enumerate(numbers.tolist()):
        name = classes[index] if index < len(classes) else str(index)
        measured = zip(defined, values, strict=True)
        yield ClassMetrics(name, int(examples), {of: value for of, value in measured if not math.isnan(value)})


def _failure(failure: Any) -> str:
    value = failure.metric_value.double_value.value
    threshold = failure.metric_threshold
    if threshold.HasField("change_threshold"):
        worst = threshold.change_threshold.absolute.value
        return f"changed by {value:+.4f} against the latest blessed model, and may by {worst:+.4f}"
    bounds = threshold.value_threshold
    if bounds.HasField("lower_bound") and not value >= bounds.lower_bound.value:
        return f"is {value:.4f}, and must be at least {bounds.lower_bound.value:g}"
    return f"is {value:.4f}, and must be at most {bounds.upper_bound.value:g}"


def _spec_name(spec: Any) -> str:
    return ", ".join([*spec.feature_keys, *(f"{name}={value}" for name, value in spec.feature_values.items())])


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
