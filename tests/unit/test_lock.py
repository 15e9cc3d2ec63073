from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.lock import hold
from schema.errors import PipelineBusy
from tests.unit.samples import REPOSITORY

HOLDER = """
import sys
from pathlib import Path
from pipeline.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_holder_is_told_who_holds(tmp_path: Path) -> None:
    """While one process holds a pipeline, another is refused, and told the folder, the process and what it may do."""
    lock = tmp_path / "run.lock"
    with holder(lock) as process, pytest.raises(PipelineBusy) as caught, hold(lock):
        pass
    message = str(caught.value)
    assert f"process {process.pid} runs it" in message
    assert str(tmp_path) in message
    assert "--workdir" in message


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    """A process killed with -9 leaves no lock behind."""
    lock = tmp_path / "run.lock"
    with holder(lock) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with hold(lock):
            assert str(os.getpid()) in lock.read_text(encoding="utf-8")


def test_a_pipeline_is_free_after_the_block(tmp_path: Path) -> None:
    """Once the block is left, by its end or by an error, the pipeline can be held again."""
    lock = tmp_path / "run.lock"
    with pytest.raises(ZeroDivisionError), hold(lock):
        raise ZeroDivisionError
    with hold(lock), pytest.raises(PipelineBusy), hold(lock):
        pass


def test_two_pipelines_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """The locks of two folders are two locks."""
    with hold(tmp_path / "a" / "run.lock"), hold(tmp_path / "b" / "run.lock"):
        assert (tmp_path / "a" / "run.lock").read_text(encoding="utf-8")


def test_the_folder_is_made(tmp_path: Path) -> None:
    """The first run of a pipeline needs no folder to be there."""
    lock = tmp_path / "var" / "taxi" / "run.lock"
    with hold(lock):
        assert lock.is_file()


def test_what_an_older_holder_wrote_does_not_stay(tmp_path: Path) -> None:
    """A lock file that an earlier run left, whatever is in it, names the present holder only."""
    lock = tmp_path / "run.lock"
    lock.write_text("process 1 of long ago, and much more than a holder writes of itself" * 9, encoding="utf-8")
    with hold(lock), pytest.raises(PipelineBusy, match=f"process {os.getpid()} runs it"), hold(lock):
        pass
