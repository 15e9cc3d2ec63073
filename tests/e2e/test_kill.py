"""A run that is killed with -9 in one step after the other and resumed ends with the artifacts of one that was not."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.results import metrics_by_slice
from tests.e2e.conftest import Folder, Pushed, make_folder, read_until

pytestmark = pytest.mark.e2e
PATIENCE = 120  # seconds
STEPS = ("ExampleGen", "StatisticsGen", "Transform", "Trainer", "InfraValidator", "Evaluator", "Pusher")
METRICS = ("auc", "log_loss", "accuracy")


def kill_in(folder: Folder, step: str, *words: str) -> None:
    """Starts a run, and kills it with -9 as soon as the step runs; waits until all that it started has ended."""
    process = folder.start(*words)
    seen = read_until(process, step)
    assert f"\n{step}: running" in seen, seen
    started = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    limit = time.monotonic() + PATIENCE
    while left := [pid for pid in started if is_alive(pid)]:
        assert time.monotonic() < limit, f"still there: {left}"
        time.sleep(0.05)


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False).stdout.split()
    return [pid for child in map(int, found) for pid in (child, *descendants(child))]


def is_alive(process: int) -> bool:
    """Whether a process is there, and more than an entry in a table."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def latest(folder: Folder, step: str, key: str) -> Path:
    """The folder of the artifact that a step made last."""
    return max((folder.workdir / "root" / step / key).iterdir(), key=lambda made: int(made.name))


def artifacts_of(folder: Folder) -> dict[str, Any]:
    """What a run has made: records in any order, statistics and vocabularies byte by byte."""
    made: dict[str, Any] = {}
    for step, key in (("ExampleGen", "examples"), ("Transform", "transformed_examples")):
        for split in latest(folder, step, key).iterdir():
            files = [str(file) for file in split.glob("*.gz")] if split.is_dir() else []
            if files:
                made[f"{step} {split.name}"] = sorted(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    vocabularies = latest(folder, "Transform", "transform_graph") / "transform_fn" / "assets"
    for folder_of in (latest(folder, "StatisticsGen", "statistics"), vocabularies):
        made |= {str(file.relative_to(folder_of)): file.read_bytes() for file in folder_of.rglob("*") if file.is_file()}
    return made


def metrics_of(folder: Folder) -> dict[str, float]:
    """The metrics and the number of rows, slice by slice."""
    slices = metrics_by_slice(str(latest(folder, "Evaluator", "evaluation")), METRICS)
    return {f"{one.name} {of}": value for one in slices for of, value in {"rows": one.examples, **one.metrics}.items()}


def test_a_run_that_was_killed_in_every_step_ends_as_one_that_was_not(tmp_path: Path, first_run: Pushed) -> None:
    """Nothing that a killed step left is taken for whole, nothing that was whole is lost, and no process is left."""
    folder = make_folder(tmp_path / "killed")
    for step in STEPS:
        kill_in(folder, step, *(["--resume"] if step != STEPS[0] else []))
    done = folder.start("--resume")
    out, errors = done.communicate()
    assert done.returncode == 0, out + errors
    assert len(folder.versions) == 1
    assert artifacts_of(folder) == artifacts_of(first_run.folder)
    assert metrics_of(folder) == pytest.approx(metrics_of(first_run.folder), abs=1e-6)
