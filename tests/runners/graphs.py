"""Runners that build a job as they would submit it, keep it, and submit nothing."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, TestOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.portability.spark_runner import SparkRunner


class Built(Exception):  # it is no error
    """A job is built, and not run."""


class DataflowJobs(DataflowRunner):
    """Dataflow's, up to the request with the job that it would send."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[Any] = []

    def run_pipeline(self, pipeline: Any, options: PipelineOptions, pipeline_proto: Any = None) -> Any:
        """Keeps the job, and raises Built."""
        options.view_as(TestOptions).dry_run = True
        self.jobs.append(super().run_pipeline(pipeline, options, pipeline_proto).job)
        raise Built


class SparkJobs(SparkRunner):
    """Spark's, up to the pipeline that it would send to its job server."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[beam_runner_api_pb2.Pipeline] = []

    def run_portable_pipeline(self, pipeline: beam_runner_api_pb2.Pipeline, options: PipelineOptions) -> Any:
        """Keeps the pipeline, and raises Built."""
        self.jobs.append(self._optimize_pipeline(pipeline, options))
        raise Built


def pipelines(runner: Any, args: list[str]) -> Any:
    """Returns what makes a step's Beam pipelines on a runner."""
    return lambda: beam.Pipeline(runner=runner, options=PipelineOptions(args))
