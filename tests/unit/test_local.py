from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pipeline.child import Outcome
from pipeline.local import LocalRun
from pipeline.steps import State, Step, StepStatus
from pipeline.stopping import StopRequest
from schema.errors import (
    DataAnomaly,
    InfraNotBlessed,
    Interrupted,
    ModelNotBlessed,
    PenstockError,
    PipelineBusy,
    StepFailed,
    UsageError,
)
from tests.unit.samples import REPOSITORY

FORK = multiprocessing.get_context("fork")
PATIENCE = 60  # seconds after which a test that would hang fails instead
LONE = (Step("Trainer", ()),)
PAIR = (Step("a", ()), Step("b", ()))
CHAIN = (Step("a", ()), Step("b", ("a",)), Step("c", ("b",)))
DIAMOND = (Step("a", ()), Step("b", ("a",)), Step("c", ("a",)), Step("d", ("b", "c")))
PARENT = """
import os, subprocess, sys
from pathlib import Path
from pipeline.local import LocalRun
from pipeline.child import Outcome
from pipeline.steps import Step
from pipeline.stopping import StopRequest
import logging

class Print:
    def announce(self, text): pass
    def tick(self, statuses): pass
    def changed(self, status, statuses):
        print(status.state, status.note, flush=True)

def work(step):
    grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    logging.getLogger("penstock.progress").info("%d %d", os.getpid(), grandchild.pid)
    grandchild.wait()
    return Outcome()

with StopRequest() as stop:
    error = LocalRun([Step("Trainer", ())], work, Path(sys.argv[1]), Print(), stop).run()
print(type(error).__name__)
"""


TALKATIVE = """
import logging, os, subprocess, sys
from pathlib import Path
from pipeline.local import LocalRun
from pipeline.child import Outcome
from pipeline.steps import Step
from pipeline.stopping import StopRequest

class Silent:
    def announce(self, text): pass
    def tick(self, statuses): pass
    def changed(self, status, statuses): pass

def work(step):
    os.write(1, f"written by {step}\\n".encode())
    os.write(2, f"complained by {step}\\n".encode())
    print(f"printed by {step}", flush=True)
    subprocess.run(["echo", f"started by {step}"], check=True)
    logging.getLogger("some.library").info("logged by %s", step)
    if step == "b":
        raise ZeroDivisionError(f"failed by {step}")
    return Outcome()

LocalRun([Step("a", ()), Step("b", ("a",))], work, Path(sys.argv[1]), Silent(), StopRequest()).run()
"""


class Record:
    """A watcher that remembers each change."""

    def __init__(self, on_change: Callable[[StepStatus], None] | None = None) -> None:
        self.changes: list[tuple[str, State, str]] = []
        self.last: dict[str, State] = {}
        self._on_change = on_change

    def announce(self, text: str) -> None:
        """Nothing is announced by a run of steps."""

    def changed(self, status: StepStatus, statuses: Sequence[StepStatus]) -> None:
        """Remembers it."""
        self.changes.append((status.name, status.state, status.note))
        self.last = {one.name: one.state for one in statuses}
        if self._on_change:
            self._on_change(status)

    def tick(self, statuses: Sequence[StepStatus]) -> None:
        """Time is not looked at."""


class Journal:
    """A file to which the processes of a run add lines."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, line: str) -> None:
        """Appends a line in one write."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    @property
    def lines(self) -> list[str]:
        """The lines so far."""
        return self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []


def _fails_with(error: BaseException, logs: Path) -> PenstockError:
    """What a run returns whose one step raises an error."""

    def work(step: str) -> Outcome:
        del step
        raise error

    returned = LocalRun(LONE, work, logs, Record(), StopRequest()).run()
    assert returned is not None
    return returned


def _processes_of(parent: subprocess.Popen[str]) -> tuple[int, int]:
    """The pidfds of the step and of the program that it started, once both run."""
    assert parent.stdout is not None
    pids = next(line for line in parent.stdout if len(line.split()) == 3).split()[1:]
    child, grandchild = (os.pidfd_open(int(pid)) for pid in pids)
    return child, grandchild


def _has_ended(process: int) -> bool:
    """Whether the process of a pidfd ends while a test has patience."""
    return bool(select.select([process], [], [], PATIENCE)[0])


def _kill(process: int) -> None:
    """Ends the process of a pidfd, if it has not ended."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, signal.SIGKILL)


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_a_step_begins_when_all_that_it_needs_is_done(tmp_path: Path, at_once: int) -> None:
    """However many steps may run together, each begins after the end of every step that it needs."""
    journal = Journal(tmp_path / "journal")

    def work(step: str) -> Outcome:
        journal.add(f"begin {step}")
        journal.add(f"end {step}")
        return Outcome()

    assert LocalRun(DIAMOND, work, tmp_path, Record(), StopRequest(), at_once).run() is None
    order = journal.lines
    assert sorted(order) == sorted(f"{word} {step.name}" for step in DIAMOND for word in ("begin", "end"))
    edges = [(needed, step.name) for step in DIAMOND for needed in step.upstream]
    assert all(order.index(f"end {needed}") < order.index(f"begin {step}") for needed, step in edges)


def test_steps_with_no_edge_between_them_overlap(tmp_path: Path) -> None:
    """Two independent steps run together: each waits for the other inside its work, and both go through."""
    both = FORK.Barrier(2)

    def work(step: str) -> Outcome:
        del step
        both.wait(PATIENCE)
        return Outcome()

    assert LocalRun(PAIR, work, tmp_path, Record(), StopRequest(), at_once=2).run() is None


def test_no_more_steps_run_together_than_may(tmp_path: Path) -> None:
    """With one step at once, independent steps run one after the other."""
    journal = Journal(tmp_path / "journal")

    def work(step: str) -> Outcome:
        journal.add(step)
        journal.add(step)
        return Outcome()

    assert LocalRun(PAIR, work, tmp_path, Record(), StopRequest(), at_once=1).run() is None
    assert journal.lines == ["a", "a", "b", "b"]


def test_a_step_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Each step has its own process, so that what it leaves in memory touches no other."""
    journal = Journal(tmp_path / "journal")

    def work(step: str) -> Outcome:
        del step
        journal.add(str(os.getpid()))
        return Outcome()

    LocalRun(CHAIN, work, tmp_path, Record(), StopRequest()).run()
    assert len({*journal.lines, str(os.getpid())}) == len(CHAIN) + 1


def test_the_temporary_files_of_a_step_go_with_it(tmp_path: Path) -> None:
    """What a step leaves in the folder for temporary files is removed, that of a program it starts too."""
    journal = Journal(tmp_path / "journal")

    def work(step: str) -> Outcome:
        del step
        journal.add(tempfile.mkstemp()[1])
        journal.add(subprocess.run(["mktemp"], capture_output=True, text=True, check=True).stdout.strip())
        assert all(Path(line).exists() for line in journal.lines)
        return Outcome()

    before = tempfile.gettempdir()
    assert LocalRun(LONE, work, tmp_path, Record(), StopRequest()).run() is None
    files = [Path(line) for line in journal.lines]
    assert len(files) == len(set(files)) == 2
    assert not [file for file in files if file.exists() or file.parent.exists()]
    assert tempfile.gettempdir() == before


def test_a_failure_stops_what_depends_on_it(tmp_path: Path) -> None:
    """After a failed step those that need it never begin, and the run returns its error."""
    journal = Journal(tmp_path / "journal")

    def work(step: str) -> Outcome:
        journal.add(step)
        if step == "b":
            raise DataAnomaly("b found an anomaly")
        return Outcome()

    watcher = Record()
    error = LocalRun(CHAIN, work, tmp_path, watcher, StopRequest()).run()
    assert isinstance(error, DataAnomaly)
    assert journal.lines == ["a", "b"]
    assert watcher.last == {"a": State.DONE, "b": State.FAILED, "c": State.WAITING}


def test_a_failure_lets_running_steps_end_and_begins_no_other(tmp_path: Path) -> None:
    """A step that runs while another fails is let end; one that has not begun by then does not."""
    failed = FORK.Event()
    watcher = Record(lambda status: failed.set() if status.state is State.FAILED else None)

    def work(step: str) -> Outcome:
        if step == "a":
            raise DataAnomaly("a found an anomaly")
        return Outcome(note="was let end" if failed.wait(PATIENCE) else "was not")

    error = LocalRun((*PAIR, Step("c", ())), work, tmp_path, watcher, StopRequest(), at_once=2).run()
    assert str(error) == "a found an anomaly"
    assert ("b", State.DONE, "was let end") in watcher.changes
    assert watcher.last == {"a": State.FAILED, "b": State.DONE, "c": State.WAITING}


@pytest.mark.parametrize("kind", [DataAnomaly, ModelNotBlessed, InfraNotBlessed, UsageError, PipelineBusy, StepFailed])
def test_our_errors_cross_the_process_whole(tmp_path: Path, kind: type[PenstockError]) -> None:
    """An error raised on purpose arrives with its type, its exit code and every line of its message."""
    error = _fails_with(kind("fare: 3 rows\ntips: é ≠ 7 rows"), tmp_path)
    assert type(error) is kind
    assert str(error) == "fare: 3 rows\ntips: é ≠ 7 rows"
    assert error.exit_code == kind.exit_code


def test_a_failed_step_notes_the_first_line_of_its_error(tmp_path: Path) -> None:
    """The line of a failed step has room for the first line of its error."""
    watcher = Record()

    def work(step: str) -> Outcome:
        del step
        raise DataAnomaly("fare: 3 rows\ntips: 7 rows")

    LocalRun(LONE, work, tmp_path, watcher, StopRequest()).run()
    assert watcher.changes[-1] == ("Trainer", State.FAILED, "fare: 3 rows")


def test_an_unforeseen_error_names_itself_and_the_log(tmp_path: Path) -> None:
    """An error that nobody foresaw is a StepFailed with its type, its first line and the log."""
    log = tmp_path / "Trainer.log"
    error = _fails_with(ZeroDivisionError("no rows\nat all"), tmp_path)
    assert type(error) is StepFailed
    assert str(error) == f"ZeroDivisionError: no rows. The log is {log}"


def test_a_full_disk_is_told_with_its_place(tmp_path: Path) -> None:
    """An error of the filesystem is told in its own words, with the path, the log, and what to do."""
    error = _fails_with(OSError(28, "No space left on device", "some/file"), tmp_path)
    message = str(error)
    assert type(error) is StepFailed
    assert message.startswith("some/file: No space left on device")
    assert str(tmp_path / "Trainer.log") in message
    assert "Free" in message


def test_a_killed_child_is_told(tmp_path: Path) -> None:
    """A child killed with SIGKILL, as the kernel does for want of memory, fails, and says so, with the log."""

    def work(step: str) -> Outcome:
        del step
        os.kill(os.getpid(), signal.SIGKILL)
        return Outcome()

    error = LocalRun(LONE, work, tmp_path, Record(), StopRequest()).run()
    assert type(error) is StepFailed
    assert "killed" in str(error)
    assert "memory" in str(error)
    assert str(tmp_path / "Trainer.log") in str(error)


def test_a_child_that_exits_without_a_word_has_failed(tmp_path: Path) -> None:
    """A step that leaves its process without an outcome has failed, even with exit code 0."""
    error = _fails_with(SystemExit(0), tmp_path)
    assert type(error) is StepFailed
    assert str(tmp_path / "Trainer.log") in str(error)


def test_progress_reaches_the_watcher(tmp_path: Path) -> None:
    """What a step logs as progress is its note while it runs, in order; its last note is that of its outcome."""

    def work(step: str) -> Outcome:
        del step
        progress = logging.getLogger("penstock.progress")
        progress.info("epoch %d of %d", 1, 2)
        progress.info("epoch %d of %d", 2, 2)
        return Outcome(note="2 epochs")

    watcher = Record()
    LocalRun(LONE, work, tmp_path, watcher, StopRequest()).run()
    assert watcher.changes == [
        ("Trainer", State.RUNNING, ""),
        ("Trainer", State.RUNNING, "epoch 1 of 2"),
        ("Trainer", State.RUNNING, "epoch 2 of 2"),
        ("Trainer", State.DONE, "2 epochs"),
    ]


def test_a_cached_step_is_told_from_one_that_ran(tmp_path: Path) -> None:
    """A step whose result was at hand is cached, and what needs it runs."""
    watcher = Record()
    assert LocalRun(CHAIN, lambda step: Outcome(cached=step == "a"), tmp_path, watcher, StopRequest()).run() is None
    assert watcher.last == {"a": State.CACHED, "b": State.DONE, "c": State.DONE}


def test_the_output_of_a_step_goes_to_its_log(tmp_path: Path) -> None:
    """What a step, its libraries and the programs it starts write goes to the step's log, and not to the screen."""
    done = subprocess.run(
        [sys.executable, "-c", TALKATIVE, str(tmp_path)], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert (done.stdout, done.stderr) == ("", "")
    for step in ("a", "b"):
        log = (tmp_path / f"{step}.log").read_text(encoding="utf-8")
        wanted = [f"{verb} by {step}" for verb in ("written", "complained", "printed", "started", "logged")]
        assert [words for words in wanted if words not in log] == []


def test_the_traceback_of_an_unforeseen_error_is_in_the_log(tmp_path: Path) -> None:
    """The log of a step that failed without foresight ends with its traceback."""
    subprocess.run([sys.executable, "-c", TALKATIVE, str(tmp_path)], check=True, cwd=REPOSITORY)
    log = (tmp_path / "b.log").read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in log
    assert log.rstrip().endswith("ZeroDivisionError: failed by b")
    assert "Traceback" not in (tmp_path / "a.log").read_text(encoding="utf-8")


def test_a_request_to_stop_ends_running_steps_and_begins_no_other(tmp_path: Path) -> None:
    """When the run is asked to stop, running steps are ended, no other begins, and how to go on is told."""
    never, stop = FORK.Event(), StopRequest()

    def request(status: StepStatus) -> None:
        stop.requested = stop.requested or status.note == "under way"

    def work(step: str) -> Outcome:
        del step
        logging.getLogger("penstock.progress").info("under way")
        never.wait(PATIENCE)
        return Outcome()

    watcher = Record(request)
    error = LocalRun(CHAIN, work, tmp_path, watcher, stop).run()
    assert type(error) is Interrupted
    assert "--resume" in str(error)
    assert watcher.last == {"a": State.INTERRUPTED, "b": State.WAITING, "c": State.WAITING}


def test_a_failure_before_the_request_to_stop_is_the_error(tmp_path: Path) -> None:
    """A run that is asked to stop after a step has failed returns the failure, which is what there is to mend."""
    stop = StopRequest()

    def request(status: StepStatus) -> None:
        stop.requested = status.state is State.FAILED

    def work(step: str) -> Outcome:
        raise DataAnomaly(f"{step} found an anomaly")

    error = LocalRun(CHAIN, work, tmp_path, Record(request), stop).run()
    assert type(error) is DataAnomaly


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "termination"])
def test_a_stopped_run_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and a termination signal end the run, its step and the programs that the step started."""
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as parent:
        child, grandchild = _processes_of(parent)
        try:
            parent.send_signal(number)
            out, _ = parent.communicate(timeout=PATIENCE)
            assert [line.split()[0] for line in out.splitlines()] == ["interrupted", "Interrupted"]
            assert _has_ended(child)
            assert _has_ended(grandchild)
        finally:
            _kill(grandchild)


def test_a_killed_run_leaves_no_process(tmp_path: Path) -> None:
    """A run killed with -9 takes its step with it, and what the step started: no training and no job server goes on."""
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as parent:
        child, grandchild = _processes_of(parent)
        try:
            parent.kill()
            parent.wait(PATIENCE)
            assert _has_ended(child)
            assert _has_ended(grandchild)
        finally:
            _kill(grandchild)
