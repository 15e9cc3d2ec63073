from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.spec.drafts import Draft, chain

PENSTOCK = Path(sys.executable).with_name("penstock")
PATIENCE = 60  # seconds after which a test that would hang fails instead


def penstock(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs the console script, as a person does."""
    command = [str(PENSTOCK), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_a_person_sees_the_steps_and_where_their_files_are(tmp_path: Path) -> None:
    """The steps are told as in a local run, then as a table, with the run and the folder of the artifacts."""
    done = penstock("run", "--spec", chain().write(tmp_path), "-p", "who=ann", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    told = [line.split(" ")[:2] for line in lines[:4]]
    assert told == [["make:", "running"], ["make:", "done"], ["read:", "running"], ["read:", "done"]]
    assert [line.split()[1:3] for line in lines[5:7]] == [["make", "done"], ["read", "done"]]
    assert lines[-1] == f"files  {tmp_path / 'var' / 'demo' / 'objects'}"


def test_json_is_the_summary_of_a_run_that_failed_too(tmp_path: Path) -> None:
    """With --json standard output is one object: the steps, their artifacts and the error; the exit code stays."""
    draft = chain().step("gate", "echo anomalies; exit 3", dependentTasks=["read"])
    done = penstock("run", "--spec", draft.write(tmp_path), "--json", "--workdir", tmp_path / "work", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == 3
    assert (told["pipeline"], told["flavour"], told["state"], told["pushed"]) == ("demo", "kubeflow", "failed", None)
    assert [(step["name"], step["state"]) for step in told["steps"]] == [
        ("make", "done"),
        ("read", "done"),
        ("gate", "failed"),
    ]
    assert told["error"].startswith("gate said no (exit code 3).")
    assert Path(told["artifacts"]["make"]["thing"]["path"], "file").read_text(encoding="utf-8") == "hello you\n"
    assert done.stderr.rstrip().endswith(f"penstock: {told['error']}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run", "Name a configuration, CONFIG…, or a compiled pipeline, --spec FILE."),
        ("run a.yaml --parameter k=v", "--parameter goes with --spec"),
        ("run --spec none.yaml", "none.yaml: No such file or directory"),
        ("run a.yaml --spec b.yaml --set x=1 --runner local --resume", "CONFIG…, --set, --runner, --resume cannot"),
        ("run --spec demo.yaml -p whom=x", "'whom' is no parameter of this pipeline. Did you mean 'who'?"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, line: str, told: str) -> None:
    """A command line that makes no sense is told in one paragraph with exit code 2, and nothing is written."""
    chain().write(tmp_path)
    done = penstock(*line.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "var").exists()


def test_ctrl_c_leaves_nothing_that_runs(tmp_path: Path) -> None:
    """After Ctrl-C the run ends with 1, and neither the step nor what it started is left."""
    with _a_run_that_waits(tmp_path) as (run, processes):
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=PATIENCE)
        assert run.returncode == 1
        assert told.startswith("penstock: The run was stopped. Run it again: what was done and may be cached is not ")
        assert all(_has_ended(process) for process in processes)


def test_kill_9_leaves_nothing_that_runs(tmp_path: Path) -> None:
    """A run that is killed and can clean up nothing takes its step with it, and what that started."""
    with _a_run_that_waits(tmp_path) as (run, processes):
        run.kill()
        assert all(_has_ended(process) for process in processes)


@contextmanager
def _a_run_that_waits(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Yields a run whose step waits for what it started, and the pidfds of those two; ends all of them."""
    file = Draft().step("wait", f"sleep 600 & echo $! $$ > {folder}/new; mv {folder}/new {folder}/pids; wait")
    command = [str(PENSTOCK), "run", "--spec", str(file.write(folder))]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "wait: running\n"
        processes = [os.pidfd_open(pid) for pid in _pids(folder / "pids")]
        try:
            yield run, processes
        finally:
            run.kill()
            for process in processes:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                os.close(process)


def _has_ended(process: int) -> bool:
    """Whether the process of a pidfd ends while a test has patience."""
    return bool(select.select([process], [], [], PATIENCE)[0])


def _pids(file: Path) -> list[int]:
    """The processes of the step, once it has written them."""
    for _ in range(PATIENCE * 10):
        if file.exists():
            return [int(word) for word in file.read_text(encoding="utf-8").split()]
        select.select([], [], [], 0.1)
    raise AssertionError(f"{file} was not written")
