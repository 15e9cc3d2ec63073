"""Runs that end early: Ctrl-C in a step, kill -9 in training; what comes after goes on from there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Folder, make_folder, read_until

pytestmark = pytest.mark.e2e
STEPS = ("ExampleGen", "Trainer", "InfraValidator")  # in this process, in another, two at a time


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder whose one run is stopped and resumed, step by step."""
    return make_folder(tmp_path_factory.mktemp("interrupt") / "small")


def stop_in(folder: Folder, step: str, *words: str) -> tuple[int, str, str]:
    """Starts a run, sends Ctrl-C as soon as the step runs; returns the exit code, the output and the errors."""
    process = folder.start(*words)
    seen = read_until(process, step)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGINT)
    out, errors = process.communicate()
    return process.returncode, seen + out, errors


def children_of(pid: int) -> str:
    """The processes that a process has started, and that still live."""
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_in_a_step_ends_the_run_and_it_resumes(resumed: Folder, step: str) -> None:
    """Ctrl-C ends the run with exit code 1 and no push; the next run, with --resume, gets as far as this step again."""
    resume = ("--resume",) if step != STEPS[0] else ()
    code, out, errors = stop_in(resumed, step, *resume)
    assert f"{step}: running" in out
    assert code == 1, out + errors
    assert re.search(rf"^{step}: (interrupted|done|cached)", out, re.MULTILINE)  # a short step may just have ended
    assert "--resume" in errors
    assert "Traceback" not in out + errors
    assert resumed.versions == []


def test_ctrl_c_in_the_pusher_leaves_a_whole_version_or_none(resumed: Folder) -> None:
    """A push that is stopped has either not happened, and happens when the run resumes, or it has happened whole."""
    code, out, errors = stop_in(resumed, "Pusher", "--resume")
    assert "Trainer: cached" in out
    assert (code, len(resumed.versions)) in {(0, 1), (1, 0), (1, 1)}, out + errors
    if code == 1:
        done = resumed.run("--resume")
        assert done.returncode == 0, done.stderr
    (version,) = resumed.versions
    assert (resumed.workdir / "serving" / "small" / version / "saved_model.pb").exists()
    assert sorted(path.name for path in (resumed.workdir / "serving" / "small").iterdir()) == [version]


def test_a_finished_run_has_nothing_to_resume(resumed: Folder) -> None:
    """`--resume` after a run that went through says so, with exit code 2."""
    done = resumed.run("--resume")
    assert done.returncode == 2
    assert "nothing to resume" in done.stderr


def test_training_that_was_killed_goes_on_from_its_checkpoint(resumed: Folder) -> None:
    """A kill -9 of the whole run in training leaves no process behind, and the next run does not begin at epoch 1."""
    more = ("--set", "model.epochs=15", "--set", "model.patience=15")
    before = logs_of(resumed)
    process = resumed.start(*more)
    wait_until(lambda: "epoch 3," in new_log(resumed, before))
    steps = children_of(process.pid).split()
    process.kill()
    process.communicate()
    wait_until(lambda: not any(Path("/proc", pid).exists() for pid in steps))
    before = logs_of(resumed)
    stop_in(resumed, "Baseline", "--resume", *more)
    log = new_log(resumed, before)
    assert "resumed from the checkpoint after epoch" in log
    assert "epoch 15," in log
    assert "epoch 1," not in log
    assert not any((resumed.workdir / "root" / "checkpoints").iterdir())


def logs_of(folder: Folder) -> set[Path]:
    """The logs of all trainings so far."""
    return set(folder.workdir.glob("logs/*/Trainer.log"))


def new_log(folder: Folder, before: set[Path]) -> str:
    """What the training that has begun since has logged so far."""
    return "".join(log.read_text() for log in logs_of(folder) - before)


def wait_until(happened: Callable[[], bool]) -> None:
    """Waits until something has happened; gives up, and fails, after five minutes."""
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.1)
    pytest.fail("five minutes were not enough")
