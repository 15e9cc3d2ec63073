"""The small pipeline compiled for Kubeflow Pipelines and for Vertex AI, each run here from its file alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Folder, make_folder, trips, write_rows

pytestmark = pytest.mark.e2e
QUICK = """
features: [{column: fare, role: numeric}, {column: payment_type, role: categorical}]
model: {epochs: 2, trees: 0}
evaluation: {slices: [], slice_bars: [], bars: {auc: {min: 0.5}}, worst_change: {auc: 0.5}}
"""
KUBEFLOW = """
image: registry.example.com/penstock:1
data: {path: /data/trips.csv}
kubeflow: {workdir: /data/penstock}
steps: {default: {retries: 1, retry_after: 1s, volumes: [{claim: shared, path: /data}]}}
"""
VERTEX = """
image: registry.example.com/penstock:1
data: {path: /gcs/bucket/trips.csv}
vertex: {root: gs://bucket/penstock}
"""
NEVER_CACHED = {"Pusher", "Report"}  # the Report tells what was pushed
LOOKUPS = {"ExampleGen-lookup", "Baseline-lookup"}
Summary = dict[str, Any]


@dataclass
class Backend:
    """One of the two backends, as `penstock run --spec` is one: its file, and what its runs came to."""

    folder: Folder
    spec: Path
    data: Path
    exit_code: int = -1
    said: str = ""

    def run(self, *words: str) -> Summary:
        """Runs the spec."""
        done = self.folder.penstock("run", "--spec", str(self.spec), "--workdir", "there", "--json", *words)
        self.exit_code, self.said = done.returncode, done.stderr
        return dict(json.loads(done.stdout)) if done.stdout else {}


@dataclass(frozen=True)
class Two:
    """A first run, and one in which nothing changed."""

    first: Summary
    again: Summary


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The small pipeline, and what is laid over it for each backend."""
    made = make_folder(tmp_path_factory.mktemp("spec") / "small")
    for name, text in {"quick": QUICK, "kubeflow": KUBEFLOW, "vertex": VERTEX}.items():
        (made.path / f"{name}.yaml").write_text(text)
    return made


@pytest.fixture(scope="module")
def local(folder: Folder) -> Summary:
    """The same pipeline, run as ever."""
    done = folder.run("quick.yaml", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def compiled(folder: Folder, target: str, out: str, data: Path) -> Backend:
    """The pipeline compiled for a backend that has the data."""
    done = folder.penstock("compile", "small.yaml", "quick.yaml", f"{target}.yaml", "-t", target, "-o", out)
    assert done.returncode == 0, done.stderr
    data.parent.mkdir(parents=True)
    write_rows(data, trips())
    return Backend(folder, folder.path / out, data)


@pytest.fixture(scope="module")
def kubeflow(folder: Folder) -> Backend:
    """Kubeflow Pipelines, with the data on a volume."""
    return compiled(folder, "kubeflow", "pipeline.yaml", folder.path / "there" / "volumes" / "shared" / "trips.csv")


@pytest.fixture(scope="module")
def vertex(folder: Folder) -> Backend:
    """Vertex AI, with the data in a bucket."""
    data = folder.path / "there" / "small" / "objects" / "gcs" / "bucket" / "trips.csv"
    return compiled(folder, "vertex", "pipeline.json", data)


def run_once(backend: Backend) -> Summary:
    """Runs the spec to its end."""
    summary = backend.run()
    assert backend.exit_code == 0, backend.said
    return summary


@pytest.fixture(scope="module")
def on_kubeflow(kubeflow: Backend) -> Two:
    """Two runs of the Kubeflow file."""
    return Two(run_once(kubeflow), run_once(kubeflow))


@pytest.fixture(scope="module")
def on_other_data(kubeflow: Backend, on_kubeflow: Two) -> Summary:
    """A third run of the Kubeflow file, after the data changed."""
    assert on_kubeflow.again["pushed"]
    write_rows(kubeflow.data, trips()[:-100])
    return run_once(kubeflow)


@pytest.fixture(scope="module")
def on_vertex(vertex: Backend) -> Two:
    """Two runs of the Vertex file."""
    return Two(run_once(vertex), run_once(vertex))


@pytest.fixture(params=["kubeflow", "vertex"])
def two(request: pytest.FixtureRequest) -> Two:
    """Two runs of each file."""
    runs: Two = request.getfixturevalue(f"on_{request.param}")
    return runs


def states(summary: Summary) -> dict[str, str]:
    """How each step ended."""
    return {step["name"]: step["state"] for step in summary["steps"]}


def metadata(summary: Summary, step: str, output: str) -> dict[str, Any]:
    """What a step said of an output."""
    found: dict[str, Any] = summary["artifacts"][step][output]["metadata"]
    return found


def test_it_ends_in_a_blessed_and_pushed_model(two: Two) -> None:
    """Every step is done, the Evaluator blessed the model, and a version is where the destination says."""
    assert set(states(two.first).values()) == {"done"}
    assert metadata(two.first, "Evaluator", "blessing")["blessed"] == 1
    assert Path(two.first["pushed_to"], "saved_model.pb").is_file()


def test_its_metrics_are_those_of_a_local_run(two: Two, local: Summary) -> None:
    """The same rows, the same model, the same figures."""
    reported = metadata(two.first, "Report", "metrics")
    for name, value in local["metrics"][0]["metrics"].items():
        assert reported[name] == pytest.approx(value, abs=1e-6), name


def test_a_run_in_which_nothing_changed_takes_all_from_the_cache(two: Two) -> None:
    """What looks at the world ran and found the same; what has no cache pushed nothing new."""
    ran = {name for name, state in states(two.again).items() if state != "cached"}
    assert ran == NEVER_CACHED | (LOOKUPS & set(states(two.again)))
    assert two.again["version"] == two.first["version"]


def test_changed_data_runs_again_what_depends_on_it(on_kubeflow: Two, on_other_data: Summary) -> None:
    """All but the curated schema; and another version is pushed."""
    cached = {name for name, state in states(on_other_data).items() if state == "cached"}
    assert cached == {"ImportSchemaGen"}
    assert on_other_data["version"] != on_kubeflow.first["version"]


def test_a_second_model_is_compared_with_the_first(on_kubeflow: Two, on_other_data: Summary) -> None:
    """The first run had no baseline; the run on other data has the first run's model."""
    assert metadata(on_kubeflow.first, "Baseline", "model")["is_baseline"] == 0
    assert metadata(on_other_data, "Baseline", "model")["is_baseline"] == 1
    first = on_kubeflow.first["artifacts"]["Trainer"]["model"]["uri"].rpartition("://")[2]
    assert metadata(on_other_data, "Baseline", "model")["origin"].endswith(first)


def test_a_step_that_fails_is_tried_again_and_then_ends_the_run_with_its_log(
    kubeflow: Backend, on_kubeflow: Two
) -> None:
    """A file that is not there: the error names the step, its reason and its log, which holds both attempts."""
    assert on_kubeflow.first["pushed"]
    summary = kubeflow.run("--parameter", "data_path=/data/absent.csv")
    assert kubeflow.exit_code == 1
    assert states(summary)["ExampleGen-lookup"] == "failed"
    assert "ExampleGen-lookup" in summary["error"]
    assert "absent.csv: there is no such data file" in summary["error"]
    log = Path(summary["error"].rpartition("The log is ")[2].strip())
    told = log.read_text(encoding="utf-8")
    assert "attempt 1 of 2 failed" in told
    assert told.count("penstock: ") == 2  # each attempt's last word
