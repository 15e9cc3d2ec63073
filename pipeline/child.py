"""A step in a process of its own: forked, so that it does not pay for the imports again; its output goes to a file.

What the step puts into the system's folder for temporary files goes into one of its own, which goes with the process.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from components.forking import end_with
from schema.errors import PenstockError, StepFailed

OWN_GROUP = 0  # as setpgid(2) has it
SECONDS_TO_END = 5
SCRATCH = "penstock-step-"  # how the folder of a step's temporary files begins


@dataclass(frozen=True)
class Note:
    """Something that a step says of its progress."""

    text: str


@dataclass(frozen=True)
class Outcome:
    """How a step ended: done, from the cache, or skipped as its condition is not met, with a last note; or an error.

    An executor's has TFX's ExecutorOutput.
    """

    cached: bool = False
    note: str = ""
    error: PenstockError | None = None
    skipped: bool = False
    output: bytes = b""


Message = Note | Outcome


class Child:
    """A forked process that runs `work`, and says how it goes."""

    def __init__(self, work: Callable[[], Outcome], log: Path) -> None:
        context = multiprocessing.get_context("fork")
        self.messages, there = context.Pipe(duplex=False)
        self._scratch = tempfile.TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True)
        scratch = Path(self._scratch.name)
        self._process = context.Process(target=run_in_child, args=(work, log, there, os.getpid(), scratch))
        self._process.start()
        there.close()
        self._log = log

    def read(self) -> Message:
        """Returns the next message; waits for it. A process that died without a word gives a failed outcome."""
        try:
            message: Message = self.messages.recv()
        except EOFError:
            self._process.join()
            return Outcome(error=StepFailed(f"{_how_it_ended(self._process.exitcode)} The log is {self._log}"))
        return message

    def join(self) -> None:
        """Waits until the process has ended, ends what it left behind, and removes its temporary files."""
        self._process.join(SECONDS_TO_END)
        self._signal_group(signal.SIGKILL)
        self._scratch.cleanup()

    def kill(self) -> None:
        """Ends the process and all that it started."""
        self._signal_group(signal.SIGTERM)
        if self._process.is_alive():
            self._process.terminate()  # its group may not exist yet
        self.join()
        self._process.join()

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid or 0, number)


class _NoteHandler(logging.Handler):
    """Sends what is logged as progress to the parent."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        self._connection.send(Note(record.getMessage()))


def run_in_child(
    work: Callable[[], Outcome],
    log: Path,
    connection: Connection,
    parent: int,
    scratch: Path,
    group: int = OWN_GROUP,
) -> None:
    """Runs `work` in this process, just forked, and ends it.

    Args:
      work: is run.
      log: the file to which all output goes.
      connection: over which the outcome is sent, and before it the notes.
      parent: the process with which this one ends.
      scratch: the folder for temporary files, of this process and of those it starts.
      group: the process group that it joins.
    """
    os.setpgid(0, group)
    die_with(parent)
    _write_output_to(log)
    put_temporary_files_into(scratch)
    if group == OWN_GROUP:
        _guard(connection)
    progress = logging.getLogger("penstock.progress")
    progress.addHandler(_NoteHandler(connection))
    progress.setLevel(logging.INFO)
    try:
        outcome = work()
    except Exception as error:  # noqa: BLE001  # whatever a step raises is its outcome
        traceback.print_exc()
        outcome = Outcome(error=_as_penstock_error(error, log))
    connection.send(outcome)
    connection.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # no destructor of TensorFlow's or Beam's is worth waiting for


def die_with(parent: int) -> None:
    """Has this process end when its parent does, and not at a Ctrl-C of its own: who launched it sees to that."""
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def put_temporary_files_into(folder: Path) -> None:
    """Makes it the folder that tempfile takes by default, here and in what this process starts."""
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)


def _guard(connection: Connection) -> None:
    """Has the group that this process leads die when it dies, even by kill -9: a job server in Java would not know.

    A second process waits for the end of a pipe that only this one holds open, and ends the group, itself included.
    """
    there, here = os.pipe()
    if os.fork():
        os.close(there)
        return
    os.close(here)
    connection.close()
    os.read(there, 1)
    os.killpg(0, signal.SIGKILL)


def _write_output_to(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(level=logging.INFO, force=True)


def _as_penstock_error(error: Exception, log: Path) -> PenstockError:
    """The error as it is, where it is one of ours and can travel; else one that tells what happened."""
    if isinstance(error, PenstockError):
        return error if _can_travel(error) else StepFailed(str(error))
    if isinstance(error, OSError) and error.strerror:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return StepFailed(f"{what}. Free or make writable what the step writes to. The log is {log}")
    first = next(iter(str(error).strip().splitlines()), "no message")
    return StepFailed(f"{type(error).__name__}: {first.rstrip('.')}. The log is {log}")


def _can_travel(error: PenstockError) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # our own, this moment
    except Exception:  # noqa: BLE001  # whatever keeps it from travelling
        return False
    return True


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "Its process was killed, which is what the kernel does when memory runs out."
    return f"Its process ended without a word, with exit code {exit_code}."
