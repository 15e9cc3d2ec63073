"""An Evaluator's output folder, as TFMA writes it: its messages and its file names, by few Beam transforms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
from google.protobuf import json_format
from tensorflow_model_analysis.evaluators.metrics_validator import validate_metrics
from tensorflow_model_analysis.proto import (
    config_pb2,
    metrics_for_slice_pb2,  # noqa: F401  # of which the next is built, and says nothing
    validation_result_pb2,
)
from tensorflow_model_analysis.version import VERSION
from tensorflow_model_analysis.writers.metrics_plots_and_validations_writer import (
    CombineValidations,
    convert_slice_metrics_to_proto,
)
from tfx.utils import io_utils

from components.records.framing import frame

NOT_ASKED_FOR = ("plots", "attributions")
ONLY_PART = "00000-of-00001.tfrecord"
Messages = tuple[bytes, bytes]  # a slice's MetricsForSlice and its ValidationResult


def write_results(metrics: Any, config: config_pb2.EvalConfig, models: Mapping[str, str], folder: str) -> Any:
    """Writes the PCollection of each slice's key and metrics, what they miss of the bars, and the EvalConfig.

    Args:
      metrics: of all slices.
      config: by which they were measured.
      models: the path of each model, by its name.
      folder: where TFMA's readers look for them.
    """
    return (
        metrics
        | "As TFMA's messages" >> beam.Map(messages, config)
        | "All slices" >> beam.CombineGlobally(_together)
        | "Write" >> beam.Map(write, config, dict(models), folder)
    )


def messages(metrics: Any, config: config_pb2.EvalConfig) -> list[Messages]:
    """Returns what TFMA says of the pair of a slice's key and its metrics."""
    of_slice, verdict = convert_slice_metrics_to_proto(metrics, None), validate_metrics(metrics, config)
    return [(of_slice.SerializeToString(), verdict.SerializeToString())]


def write(slices: list[Messages], config: config_pb2.EvalConfig, models: Mapping[str, str], folder: str) -> None:
    """Writes the files."""
    records = {
        f"metrics-{ONLY_PART}": [metrics for metrics, _ in slices],
        "validations.tfrecord": [_verdict(slices, config)],
    }
    records |= {f"{kind}-{ONLY_PART}": [] for kind in NOT_ASKED_FOR}
    for name, of_kind in records.items():
        io_utils.write_bytes_file(f"{folder}/{name}", frame(pa.array(of_kind, pa.large_binary())).to_pybytes())
    run = config_pb2.EvalRun(eval_config=config, version=VERSION, model_locations=models)
    io_utils.write_string_file(f"{folder}/eval_config.json", json_format.MessageToJson(run))


def _verdict(slices: Iterable[Messages], config: config_pb2.EvalConfig) -> bytes:
    combine, found = CombineValidations(config), None
    for _, verdict in slices:
        found = combine.add_input(found, validation_result_pb2.ValidationResult.FromString(verdict))
    serialized: bytes = combine.extract_output(found).SerializeToString()
    return serialized


def _together(lists: Iterable[list[Messages]]) -> list[Messages]:
    return [pair for one in lists for pair in one]
