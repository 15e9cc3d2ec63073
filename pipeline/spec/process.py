"""A container's command as a process of this machine."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pipeline.spec.forked import PYTHONS, Forked, is_ours
from schema.errors import GateRefusal, PenstockError, StepFailed

LINES_SHOWN = 12
CHUNK = 65536
TAIL = 16384
TICK_SECONDS = 0.5
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER")
PROJECT = Path(__file__).parents[2]
OUR_PARAGRAPH = re.compile(
    r"(?:\A|\n)penstock: ((?:(?!\npenstock: ).)*)\Z", re.DOTALL
)  # by pipeline.container, at its end


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
      words: the program and its arguments.
      environment: its variables, all of them.
      copy_of_log: a file into which its output goes, beside the step's log.
      deadline: the seconds after which it is ended.
    """

    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    copy_of_log: Path | None = None
    deadline: int | None = None


def environment_for(here: Mapping[str, str], *laid_over: Mapping[str, str]) -> dict[str, str]:
    """Returns a container's environment: of this process's own only what a container has, too, then the others.

    `python` is this Python, and the current folder and this project can be imported, as an image has them installed.
    """
    environment = {name: here[name] for name in KEPT_VARIABLES if name in here}
    for one in laid_over:
        environment |= one
    path = environment.get("PATH", os.defpath)
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
    imported = [str(Path.cwd()), str(PROJECT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, imported)))
    return environment


def execute(step: str, command: Command, log: Path) -> None:
    """Runs a command to its end; what it writes goes to this process's output, which is the step's log.

    Raises:
      GateRefusal: it ended with exit code 3: a gate said no.
      StepFailed: it cannot be started, ended with any other exit code, or did not end in time.
    """
    if not command.words:
        raise StepFailed(f"{step} has no command: it would run its image's ENTRYPOINT, which this machine has not.")
    process = _start(step, command)
    tail = _relay(process, command)
    if process.returncode is None:
        _kill_tree(process.pid)
        process.wait()
        raise StepFailed(
            f"{step} did not end within {command.deadline} s, which is its time-out (activeDeadlineSeconds). "
            f"{_last_lines(tail)}The log is {log}"
        )
    if process.returncode:
        raise _failure(step, process.returncode, tail, log)


def _start(step: str, command: Command) -> subprocess.Popen[bytes] | Forked:
    if is_ours(command.words):
        return Forked(command.words, command.environment)
    words = [sys.executable if command.words[0] in PYTHONS else command.words[0], *command.words[1:]]
    heeded = signal.signal(signal.SIGINT, signal.SIG_DFL)  # the command's to begin with, and not ignored as a step's is
    try:  # with no function of ours between fork and exec, where a gRPC in this process may abort
        return subprocess.Popen(
            words,
            cwd="/",
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise StepFailed(f"{step} cannot start {words[0]!r} here, as its container would: {error}.") from None
    finally:
        signal.signal(signal.SIGINT, heeded)


def _relay(process: subprocess.Popen[bytes] | Forked, command: Command) -> bytes:
    """Copies what a process writes until it has ended, or its time is over; returns the last of it."""
    assert process.stdout is not None
    ends = time.monotonic() + command.deadline if command.deadline else float("inf")
    tail = b""
    copy: IO[bytes] | None = command.copy_of_log.open("wb") if command.copy_of_log else None
    try:
        while time.monotonic() < ends:
            has_ended = process.poll() is not None
            ready, _, _ = select.select([process.stdout], [], [], 0 if has_ended else TICK_SECONDS)
            chunk = os.read(process.stdout.fileno(), CHUNK) if ready else b""
            tail = (tail + chunk)[-TAIL:]
            _write(chunk, copy)
            if has_ended and not chunk:
                break
            if ready and not chunk:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(min(TICK_SECONDS, max(ends - time.monotonic(), 0)))
    finally:
        process.stdout.close()
        if copy:
            copy.close()
    return tail


def _write(chunk: bytes, copy: IO[bytes] | None) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(1, view) :]
    if copy and chunk:
        copy.write(chunk)


def _failure(step: str, exit_code: int, tail: bytes, log: Path) -> PenstockError:
    lines = _last_lines(tail)
    kind = GateRefusal if exit_code == GateRefusal.exit_code else StepFailed
    if said := OUR_PARAGRAPH.search(tail.decode("utf-8", "replace")):
        return kind(f"{step}: {said[1].strip()}\nThe log is {log}")
    if exit_code == GateRefusal.exit_code:
        return GateRefusal(f"{step} said no (exit code 3). {lines}The log is {log}")
    how = f"ended with exit code {exit_code}" if exit_code > 0 else f"was ended by signal {-exit_code}"
    if exit_code == -signal.SIGKILL:
        how = "was killed, which is what the kernel does when memory runs out"
    return StepFailed(f"{step} {how}. {lines}The log is {log}")


def _last_lines(tail: bytes) -> str:
    lines = [line for line in tail.decode("utf-8", "replace").splitlines() if line.strip()][-LINES_SHOWN:]
    return "The last lines of its log:\n" + "".join(f"  {line}\n" for line in lines) if lines else "It wrote nothing. "


def _kill_tree(pid: int) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [*root.children(recursive=True), root]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
