"""The whole DAG on real trips: what it makes, what it prints, what it does not do twice, and what its gates refuse."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import struct
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import PENSTOCK, Folder, Pushed, trips, write_rows

pytestmark = pytest.mark.e2e
STEPS = {
    "ExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator", "DataGate", "Transform", "Trainer",
    "Baseline", "Evaluator", "InfraValidator", "Pusher", "Report",
}  # fmt: skip


def test_every_step_runs_and_the_model_is_pushed(first_run: Pushed) -> None:
    """One command takes a CSV to a pushed version, through all the steps of the design."""
    assert {step["name"] for step in first_run.summary["steps"]} == STEPS
    assert {step["state"] for step in first_run.summary["steps"]} == {"done"}
    assert first_run.summary["pushed"] is True
    assert first_run.folder.versions == [first_run.summary["version"]]


def test_every_row_is_in_one_split(first_run: Pushed) -> None:
    """Rows in equal rows in splits."""
    assert sum(first_run.summary["rows"].values()) == len(trips()) - 1
    assert set(first_run.summary["rows"]) == {"train", "eval", "test"}


def test_metrics_are_told_by_slice(first_run: Pushed) -> None:
    """The summary has the metrics of the whole test split, and of each value of each slice."""
    slices = [one["slice"] for one in first_run.summary["metrics"]]
    assert slices[0] == {}
    assert {"payment_type": "Cash"} in slices
    assert sum("trip_start_hour" in one for one in slices) > 12
    overall = first_run.summary["metrics"][0]
    assert overall["metrics"]["auc"] >= 0.85
    assert overall["examples"] == first_run.summary["rows"]["test"]


def test_every_gate_gives_its_verdict(first_run: Pushed) -> None:
    """Rows, data, model and infrastructure are each judged."""
    assert {verdict["gate"]: verdict["passed"] for verdict in first_run.summary["verdicts"]} == {
        "rows": True,
        "data": True,
        "model": True,
        "infra": True,
    }


def test_an_anomaly_of_a_feature_may_only_warn(first_run: Pushed) -> None:
    """A feature whose severity is warn lets the run go on; what was found is told at its end."""
    (warning,) = {warning.partition(", ")[2] for warning in first_run.summary["warnings"] if "train split" in warning}
    assert "'trip_start_month'" in warning
    assert "to 12" in warning


def test_the_version_carries_warm_up_requests(first_run: Pushed) -> None:
    """The pushed version holds a TFRecord of requests for TensorFlow Serving to replay."""
    version = first_run.folder.workdir / "serving" / "small" / first_run.summary["version"]
    requests = (version / "assets.extra" / "tf_serving_warmup_requests").read_bytes()
    assert struct.unpack("<Q", requests[:8])[0] > 0
    assert (version / "saved_model.pb").exists()


def test_the_run_has_a_report(first_run: Pushed) -> None:
    """It tells of the push, of slices, of anomalies let pass and of the steps' times; `runs show` says where it is."""
    page = Path(first_run.summary["report"]).read_text(encoding="utf-8")
    for said in (f"pushed version {first_run.summary['version']}", "payment_type=Cash", "trip_start_month", "Trainer"):
        assert said in page
    assert (first_run.folder.workdir / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    shown = first_run.folder.penstock("runs", "show", "small.yaml", "--json")
    assert json.loads(shown.stdout)["report"] == first_run.summary["report"]


def test_nothing_is_written_outside_the_workdir(first_run: Pushed) -> None:
    """A run leaves its files under var, and the user's files as they were."""
    assert sorted(path.name for path in first_run.folder.path.iterdir()) == [
        "small.yaml",
        "taxi.pbtxt",
        "trips.csv",
        "var",
    ]
    assert sorted(path.name for path in first_run.folder.workdir.iterdir()) == [
        "blessed", "logs", "metadata.db", "report.html", "root", "run.lock", "serving",
    ]  # fmt: skip


def test_a_run_is_listed_and_shown(first_run: Pushed) -> None:
    """`runs list` and `runs show` tell from the metadata store what ran."""
    listed = json.loads(first_run.folder.penstock("runs", "list", "small.yaml", "--json").stdout)
    assert [run["run_id"] for run in listed] == [first_run.summary["run_id"]]
    shown = first_run.folder.penstock("runs", "show", "small.yaml", "--json")
    assert json.loads(shown.stdout)["metrics"] == first_run.summary["metrics"]


def test_a_run_with_nothing_changed_is_cached(first_run: Pushed) -> None:
    """The second run takes every step from the cache, says so, pushes no second version, and reports on that."""
    done = first_run.folder.run("--json")
    assert done.returncode == 0, done.stderr
    states = {step["name"]: step["state"] for step in json.loads(done.stdout)["steps"]}
    assert {name for name, state in states.items() if state != "cached"} == {"Pusher", "Report"}
    assert first_run.folder.versions == [first_run.summary["version"]]
    assert "already pushed" in done.stderr


def test_progress_goes_line_by_line_into_a_pipe(first_run: Pushed) -> None:
    """Where there is no terminal, each step prints plain lines, and ends with what to type next."""
    done = first_run.folder.run()
    assert "ExampleGen: cached" in done.stdout
    assert "penstock predict small.yaml" in done.stdout
    assert "\x1b" not in done.stdout
    assert not done.stderr


def test_a_terminal_shows_the_steps_and_no_chatter(first_run: Pushed) -> None:
    """On a terminal the steps are redrawn in place, and what libraries say goes to the log."""
    screen, terminal = pty.openpty()
    os.set_blocking(screen, False)
    command = [str(PENSTOCK), "run", "small.yaml"]
    with subprocess.Popen(
        command, cwd=first_run.folder.path, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        seen = b""
        while process.poll() is None:
            with contextlib.suppress(BlockingIOError):
                seen += os.read(screen, 1 << 16)
    assert process.returncode == 0
    assert b"\x1b[" in seen
    assert b"Evaluator" in seen
    assert b"cached" in seen
    assert b"INFO" not in seen
    assert b"WARNING" not in seen


@pytest.fixture
def pushed(first_run: Pushed, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder of its own, with what the first run pushed."""
    return first_run.folder.copy(tmp_path_factory.mktemp("gates") / "small")


def test_a_worse_model_is_not_pushed(pushed: Folder) -> None:
    """A model that misses a bar, and is worse than the blessed one, ends with exit code 3 and pushes nothing."""
    before = pushed.versions
    done = pushed.run("--set", "model={epochs: 1, learning_rate: 0.0000001, trees: 0}", "--json")
    assert done.returncode == 3
    assert pushed.versions == before
    assert "auc is" in done.stderr
    assert "must be at least 0.85" in done.stderr
    assert "against the latest blessed model" in done.stderr
    summary = json.loads(done.stdout)
    assert summary["pushed"] is False
    assert {verdict["gate"]: verdict["passed"] for verdict in summary["verdicts"]}["model"] is False


def test_a_data_anomaly_stops_the_run(pushed: Folder) -> None:
    """A value outside its domain stops the run before training; the error says where, what, and what is allowed."""
    before = pushed.versions
    header, *rows = trips()
    payment = header.index("payment_type")
    for row in rows[::5]:
        row[payment] = "Barter"
    write_rows(pushed.data, [header, *rows])
    done = pushed.run()
    assert done.returncode == 3
    for words in ("trips.csv", "train split", "'payment_type'", "Barter", "one of Cash, Credit Card", "warn"):
        assert words in done.stderr
    assert "Transform" not in done.stdout
    assert pushed.versions == before
    assert "Barter" in (pushed.workdir / "report.html").read_text(encoding="utf-8")
