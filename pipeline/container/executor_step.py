"""Runs a step's executor as its launcher would have run it."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.dsl.io import fileio

from components.files import connect
from pipeline.container import outputs
from pipeline.container.arguments import Arguments
from pipeline.container.artifacts import StepArtifacts, artifacts_of
from pipeline.container.examples import describe_examples
from pipeline.container.invocation import class_at, read
from pipeline.container.properties import Properties, found_by_driver, properties_of, typed_values
from pipeline.container.uris import Mount

DATAFLOW = "DataflowRunner"
log = logging.getLogger("penstock.container")


def run(arguments: Arguments, root: Path) -> None:
    """Runs the executor, and writes what it made of its outputs to the file that the backend named.

    Args:
      arguments: what the step was started with.
      root: the folder in which the launcher keeps the artifacts' local copies.

    Raises:
      UsageError: the arguments do not fit together, or the image lacks a class.
      PenstockError: whatever the executor raises of ours.
    """
    invocation = read(arguments)
    executor_class = class_at(arguments.class_path)
    mount = Mount.at(root, keep_gcs=_runs_on_dataflow(executor_class, arguments))
    output_file = mount.local(invocation.outputs.output_file)
    step = artifacts_of(invocation, mount)
    properties = properties_of(invocation) | (found_by_driver(invocation) or _found_before_cache(output_file))
    describe_examples(step.outputs, properties)
    executor = executor_class(_context(executor_class, arguments, output_file))
    seconds = _do(executor, step, properties, arguments)
    _finish(step, seconds)
    said = outputs.report(step, mount)
    for name, value in outputs.output_parameters(step.outputs, invocation.outputs.parameters).items():
        json_format.ParseDict(value, said.parameter_values[name])
    outputs.write(said, output_file)


def _do(executor: Any, step: StepArtifacts, properties: Properties, arguments: Arguments) -> float:
    """Runs the executor, and returns its seconds."""
    if arguments.beam_args:
        connect(arguments.beam_args)
    outputs.make_folders(step.outputs)
    log.info("%s: begins", arguments.class_path)
    began = time.monotonic()
    executor.Do(step.inputs, step.outputs, properties)
    seconds = time.monotonic() - began
    log.info("%s: done in %.1f s", arguments.class_path, seconds)
    return seconds


def _finish(step: StepArtifacts, seconds: float) -> None:
    outputs.stamp(step.outputs, seconds)
    outputs.pages_to_files(step.outputs)
    for listed in step.outputs.values():
        for artifact in listed:
            _name_blessed(artifact, step)


def _name_blessed(artifact: Any, step: StepArtifacts) -> None:
    """Has a blessing name its models as the backend does: TFX made up integer ids for this process alone."""
    for key in (constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY):
        name = step.names.get(artifact.get_int_custom_property(key))
        if name:
            artifact.set_string_custom_property(key, name)


def _found_before_cache(output_file: str) -> Properties:
    """Returns what a driver found that ran before Vertex asked its cache: it is the ExecutorOutput so far."""
    if not fileio.exists(output_file):
        return {}
    with fileio.open(output_file, "rb") as file:
        said = json_format.Parse(file.read(), pipeline_spec_pb2.ExecutorOutput(), ignore_unknown_fields=True)
    return typed_values(said.parameter_values, {})


def _context(executor_class: Any, arguments: Arguments, output_file: str) -> Any:
    folder = os.path.dirname(output_file)  # noqa: PTH120  # it may be an address
    where = {"unique_id": os.path.basename(folder), "tmp_dir": f"{folder}/.temp"}  # noqa: PTH119
    beam_args = list(arguments.beam_args)
    if issubclass(executor_class, base_beam_executor.BaseBeamExecutor):
        return base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=beam_args, **where)
    return base_executor.BaseExecutor.Context(extra_flags=beam_args, **where)


def _runs_on_dataflow(executor_class: Any, arguments: Arguments) -> bool:
    if not issubclass(executor_class, base_beam_executor.BaseBeamExecutor) or not arguments.beam_args:
        return False
    runner = PipelineOptions(list(arguments.beam_args)).view_as(StandardOptions).runner
    return str(runner).endswith(DATAFLOW)
