from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.unit.samples import REPOSITORY

EXECUTORS = "tests.unit.warm_executors"
LIGHTLY = f"from pipeline.light import stay_light; stay_light(); from {EXECUTORS} import main; main()"


def ask(executor: str, folder: Path, check: str = "fine", *modules: str) -> dict[str, Any]:
    """Has an executor run warm, from a process of its own, for one that has used gRPC cannot fork."""
    command = [sys.executable, "-c", LIGHTLY, executor, str(folder), check, *modules]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_an_executor_runs_in_another_process_as_part_of_its_step(tmp_path: Path) -> None:
    """Its output comes back, its notes are the step's, what it prints is in the log; its group is the step's."""
    answer = ask("Says", tmp_path)
    assert answer["output"]["said"] == "ünï"
    assert answer["output"]["process"] != answer["self"]
    assert answer["output"]["group"] == answer["group"] == answer["self"]
    assert answer["output"]["scratch"] == str(tmp_path)
    assert "halfway" in answer["notes"]
    assert "to the log" in answer["log"]


def test_the_error_of_an_executor_is_the_steps(tmp_path: Path) -> None:
    """It arrives as what it is, which decides the exit code."""
    assert ask("Refuses", tmp_path) == {"error": "DataAnomaly", "message": "the data has an anomaly"}


def test_an_executor_that_is_killed_is_said_to_be(tmp_path: Path) -> None:
    """Whoever waits for it is not left waiting, and is told where the log is."""
    answer = ask("Dies", tmp_path)
    assert answer["error"] == "StepFailed"
    assert str(tmp_path / "log") in answer["message"]


def test_what_the_check_finds_is_the_error_of_every_executor(tmp_path: Path) -> None:
    """A wrong function of the user's ends the run before anything is computed with it."""
    answer = ask("Says", tmp_path, "wrong", "json")
    assert answer == {"error": "UsageError", "message": "there is no such function"}


def test_a_module_that_cannot_be_imported_is_the_error_of_every_executor(tmp_path: Path) -> None:
    """The error names the module."""
    answer = ask("Says", tmp_path, "fine", "a_module_that_is_not_there")
    assert answer["error"] == "StepFailed"
    assert "No module named 'a_module_that_is_not_there'" in answer["message"]


def test_an_executor_need_not_wait_for_what_it_does_not_need(tmp_path: Path) -> None:
    """Once its own module is there it runs: here modules are imported until it does, and the check comes too late."""
    assert ask("Says", tmp_path, "wrong", "endless")["output"]["said"] == "ünï"


def test_an_executor_of_a_module_that_is_not_foreseen_runs_too(tmp_path: Path) -> None:
    """It waits until all else is imported."""
    assert ask("Says", tmp_path, "fine", "json")["output"]["said"] == "ünï"
