"""What is written of an evaluation, against what TFMA's own writers write of the same metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow_model_analysis as tfma
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import text_format
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics.metric_types import MetricKey
from tensorflow_model_analysis.proto import config_pb2
from tfx.types import standard_component_specs  # noqa: F401  # completes tfma: its own import lacks names

from components.evaluation.writing import write_results

PLAIN = [f"--{flag}" for flag in ("direct_running_mode=in_memory", "no_save_main_session")]
BAR = "per_slice_thresholds { slicing_specs { %s } threshold { value_threshold { lower_bound { value: 0.7 } } } }"
CONFIG = """
    model_specs { name: "" label_key: "y" }
    slicing_specs {} slicing_specs { feature_keys: "hour" }
    metrics_specs { metrics { class_name: "BinaryAccuracy" config: '"name": "accuracy"' %s } }
"""
METRICS = [
    ((), {MetricKey("accuracy"): 0.8, MetricKey("example_count"): 3.0}),
    ((("hour", 7),), {MetricKey("accuracy"): 0.6, MetricKey("example_count"): 2.0}),
    ((("hour", b"late"),), {MetricKey("accuracy"): 0.9, MetricKey("example_count"): 1.0}),
]
BARS = {
    "none": "",
    "kept": BAR % "",
    "missed": BAR % 'feature_keys: "hour"',
    "of a slice without rows": BAR % 'feature_values { key: "hour" value: "9" }',
}


def written_by_tfma(metrics: Any, config: config_pb2.EvalConfig, folder: str) -> Any:
    """Writes with TFMA's default writers."""
    shared = [tfma.default_eval_shared_model("/a/model", eval_config=config, model_name="")]
    validations = metrics | beam.Map(metrics_validator.validate_metrics, config)
    found = {tfma.METRICS_KEY: metrics, tfma.VALIDATIONS_KEY: validations}
    return found | tfma.WriteResults(tfma.default_writers(folder, shared, config))


def slices_of(folder: Path) -> list[str]:
    """The messages of all slices, in an order of their own."""
    return sorted(str(one) for one in tfma.load_metrics(str(folder)))


def verdict_of(folder: Path) -> Any:
    """The result of the validation, its slices in an order of their own."""
    found = tfma.load_validation_result(str(folder))
    for several in (found.metric_validations_per_slice, found.validation_details.slicing_details):
        several.sort(key=str)
    return found


@pytest.mark.parametrize("metrics", [METRICS, METRICS[:1], []], ids=["slices", "all rows", "nothing"])
@pytest.mark.parametrize("bar", BARS)
def test_files_say_what_those_of_tfma_say(tmp_path: Path, bar: str, metrics: list[Any]) -> None:
    """With no bar, one that is kept, one that is missed, and one on a slice that has no rows."""
    config = text_format.Parse(CONFIG % BARS[bar], config_pb2.EvalConfig())
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with beam.Pipeline(options=PipelineOptions(PLAIN)) as pipeline:
        found = pipeline | beam.Create(metrics)
        write_results(found, config, {"": "/a/model"}, str(ours))
        written_by_tfma(found, config, str(theirs))
    assert slices_of(ours) == slices_of(theirs)
    assert len(slices_of(ours)) == len(metrics)
    assert verdict_of(ours) == verdict_of(theirs)
    here, there = (tfma.load_eval_result(str(folder)) for folder in (ours, theirs))
    assert (here.config, here.model_location) == (there.config, there.model_location)
