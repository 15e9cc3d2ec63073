"""The jobs that each step would give to Dataflow and Spark: built by Beam's own runners, and not sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal.apiclient import Job
from apache_beam.runners.portability.stager import SUBMISSION_ENV_DEPENDENCIES_FILE
from google.protobuf import json_format

from pipeline.loading import load
from pipeline.runners import beam_args
from tests.runners.graphs import DataflowJobs, SparkJobs, pipelines
from tests.runners.steps import begun
from tests.unit.samples import REPOSITORY, TAXI

STEPS = ("ExampleGen", "StatisticsGen", "Transform's analysis", "Transform", "Evaluator")
WORK = {  # a transform of each step that does its work
    "ExampleGen": "Write",
    "StatisticsGen": "Describe",
    "Transform's analysis": "Analyze",
    "Transform": "Transform",
    "Evaluator": "Measure",
}


def options(overlay: str, *settings: str) -> list[str]:
    """Beam's options for the taxi pipeline under an overlay of the repository."""
    return beam_args(load([TAXI, REPOSITORY / "configs" / f"{overlay}.yaml"], settings))


def jobs(runner: Any, folder: Path, args: list[str]) -> dict[str, Any]:
    """Returns the one job of each step."""
    folder.mkdir()
    names = list(begun(folder, pipelines(runner, args)))
    return dict(zip(names, runner.jobs, strict=True))


@dataclass(frozen=True)
class Graph:
    """A portable pipeline."""

    pipeline: beam_runner_api_pb2.Pipeline

    @property
    def names(self) -> set[str]:
        """The transforms, by the names that the step gives."""
        return {transform.unique_name for transform in self.pipeline.components.transforms.values()}

    @property
    def environments(self) -> set[tuple[str, str]]:
        """Where workers are: each one's kind, and the image of those that have one."""
        return {
            (one.urn, beam_runner_api_pb2.DockerPayload.FromString(one.payload).container_image)
            if one.urn == "beam:env:docker:v1"
            else (one.urn, "")
            for one in self.pipeline.components.environments.values()
        }

    @property
    def to_install(self) -> list[Any]:
        """What a worker would install before it begins; Beam's list of what is installed here is only logged there."""
        files = [what for one in self.pipeline.components.environments.values() for what in one.dependencies]
        return [file for file in files if SUBMISSION_ENV_DEPENDENCIES_FILE.encode() not in file.role_payload]

    @property
    def dangling(self) -> set[str]:
        """What some transform names and the pipeline lacks."""
        parts = self.pipeline.components
        named = {one for transform in parts.transforms.values() for one in transform.inputs.values()}
        named |= {one for transform in parts.transforms.values() for one in transform.outputs.values()}
        inner = {one for transform in parts.transforms.values() for one in transform.subtransforms}
        return (named - set(parts.pcollections)) | (inner - set(parts.transforms))


@pytest.fixture(scope="module")
def on_dataflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """The jobs for Dataflow."""
    return jobs(DataflowJobs(), tmp_path_factory.mktemp("dataflow") / "steps", options("dataflow"))


@pytest.fixture(scope="module")
def on_spark(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The jobs for a cluster of Spark."""
    image = ("image=an/image:1", "runner.spark.environment=DOCKER", "runner.spark.master=spark://host:7077")
    return jobs(SparkJobs(), tmp_path_factory.mktemp("spark") / "steps", options("spark", *image))


@pytest.mark.parametrize("step", STEPS)
def test_dataflow_gets_a_whole_job_of_each_step(on_dataflow: dict[str, Job], step: str) -> None:
    """The job has the step's transforms, all that they name, and the configured image on each of its workers."""
    graph = Graph(on_dataflow[step].proto_pipeline)
    assert any(name.startswith(WORK[step]) for name in graph.names)
    assert graph.dangling == set()
    assert graph.environments == {("beam:env:docker:v1", "europe-docker.pkg.dev/my-project/penstock/penstock:0.1.0")}
    assert graph.to_install == []


def test_dataflow_jobs_carry_the_settings(on_dataflow: dict[str, Job]) -> None:
    """Project and bucket are where Dataflow looks for them."""
    job = on_dataflow["ExampleGen"]
    assert job.google_cloud_options.project == "my-project"
    assert job.google_cloud_options.region == "europe-west4"
    assert job.google_cloud_options.temp_location.startswith("gs://my-bucket/dataflow")
    assert json_format.MessageToDict(job.proto._pb)["type"] == "JOB_TYPE_BATCH"


@pytest.mark.parametrize("step", STEPS)
def test_spark_gets_a_whole_job_of_each_step(on_spark: dict[str, Any], step: str) -> None:
    """The job has the step's transforms, and all that they name; workers run in the image."""
    graph = Graph(on_spark[step])
    assert any(name.startswith(WORK[step]) for name in graph.names)
    assert graph.dangling == set()
    assert graph.environments == {("beam:env:docker:v1", "an/image:1")}
    assert graph.to_install == []
