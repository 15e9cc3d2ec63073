"""The whole DAG with its Beam steps on Flink, and on Spark: what they make is what they make in process.

Both are real, embedded in job servers of the steps' own (`make flink`, `make spark`), and skipped with the reason where
a job server or Java is not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline import job_server
from pipeline.runner_settings import Flink, JobServer, Spark
from tests.components.tables import read_records
from tests.e2e.conftest import REPOSITORY, Folder, Pushed, make_folder

pytestmark = pytest.mark.e2e
SPLITS = ("train", "eval", "test")
TRANSFORMED = ("train", "eval")
ENGINES: dict[str, JobServer] = {"flink": Flink(), "spark": Spark()}
JOBS = 5  # ExampleGen, StatisticsGen, Evaluator; of Transform the analysis, and its application


@dataclass(frozen=True)
class Elsewhere:
    """The small pipeline after a run whose Beam steps were elsewhere.

    Attributes:
      jobs: how many the job servers were given.
    """

    name: str
    pushed: Pushed
    jobs: int


@pytest.fixture(scope="module", params=ENGINES)
def elsewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """One run on each engine that this machine has."""
    name = request.param
    if lacking := job_server.lack(name, ENGINES[name]):
        pytest.skip(lacking)
    folder = make_folder(tmp_path_factory.mktemp(name) / "small")
    done = folder.run(str(REPOSITORY / "configs" / f"{name}.yaml"), "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    logs = (folder.workdir / "logs" / summary["run_id"]).glob("*.log")
    invoked = [re.findall(r"JobInvoker - Invoking job", log.read_text(encoding="utf-8")) for log in logs]
    return Elsewhere(name, Pushed(folder, summary), sum(map(len, invoked)))


def artifact(folder: Folder, step: str, output: str) -> Path:
    """Returns the folder of the one artifact of a step."""
    (path,) = (folder.workdir / "root" / step / output).iterdir()
    return path


def examples(folder: Folder, step: str, output: str, split: str) -> list[bytes]:
    """Returns the tf.Examples of a split, in an order that does not depend on files."""
    return sorted(read_records(artifact(folder, step, output) / f"Split-{split}" / "*"))


def statistics(folder: Folder, split: str) -> Any:
    """Returns the statistics of a split, with numbers as sums in any order give them."""
    content = (artifact(folder, "StatisticsGen", "statistics") / f"Split-{split}" / "FeatureStats.pb").read_bytes()
    return _rounded(json_format.MessageToDict(statistics_pb2.DatasetFeatureStatisticsList.FromString(content)))


def test_each_job_was_done_elsewhere(elsewhere: Elsewhere) -> None:
    """Flink, or Spark, was given one from each Beam pipeline of the steps, and has ended with them."""
    assert elsewhere.jobs == JOBS
    jar = str(job_server.jar(elsewhere.name, ENGINES[elsewhere.name]))
    assert not [process for process in psutil.process_iter(["cmdline"]) if jar in (process.info["cmdline"] or ())]


def test_examples_are_the_same(elsewhere: Elsewhere, first_run: Pushed) -> None:
    """Each split has the rows that it has in process, each once."""
    assert elsewhere.pushed.summary["rows"] == first_run.summary["rows"]
    for split in SPLITS:
        found, expected = (
            examples(one.folder, "ExampleGen", "examples", split) for one in (elsewhere.pushed, first_run)
        )
        assert found == expected


def test_statistics_are_the_same(elsewhere: Elsewhere, first_run: Pushed) -> None:
    """Counts, means, quantiles, histograms and frequent values of each split."""
    for split in SPLITS:
        assert statistics(elsewhere.pushed.folder, split) == statistics(first_run.folder, split)


def test_vocabularies_are_the_same(elsewhere: Elsewhere, first_run: Pushed) -> None:
    """The analysis of the train split found the same values in the same order."""
    found, expected = (
        {path.name: path.read_bytes() for path in assets(one.folder)} for one in (elsewhere.pushed, first_run)
    )
    assert found == expected
    assert found


def test_transformed_examples_are_the_same(elsewhere: Elsewhere, first_run: Pushed) -> None:
    """So are the moments and the quantiles of the analysis, of which each value is made."""
    for split in TRANSFORMED:
        found, expected = (
            [_values(one) for one in examples(pushed.folder, "Transform", "transformed_examples", split)]
            for pushed in (elsewhere.pushed, first_run)
        )
        assert len(found) == first_run.summary["rows"][split]
        assert _rounded(found) == _rounded(expected)


def test_metrics_are_the_same(elsewhere: Elsewhere, first_run: Pushed) -> None:
    """The model is measured on the same rows, in all and in each slice, with the same results."""
    found, expected = (
        {str(one["slice"]): one for one in run.summary["metrics"]} for run in (elsewhere.pushed, first_run)
    )
    assert found.keys() == expected.keys()
    for name, one in found.items():
        assert one["examples"] == expected[name]["examples"]
        assert one["metrics"] == pytest.approx(expected[name]["metrics"], abs=1e-6, nan_ok=True), name


def assets(folder: Folder) -> Iterator[Path]:
    """Yields the files of the transform graph's vocabularies."""
    return (artifact(folder, "Transform", "transform_graph") / "transform_fn" / "assets").iterdir()


def _values(example: bytes) -> dict[str, Any]:
    features = tf.train.Example.FromString(example).features.feature
    return {name: json_format.MessageToDict(features[name]) for name in sorted(features)}


def _rounded(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_rounded(value) for value in found]
    return float(f"{found:.6g}") if isinstance(found, float) else found
