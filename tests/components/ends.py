"""Processes that end badly in the middle of a publication; they import nothing that takes time."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

from components.publication import publish

DISK_FULL = 7
Work = Callable[[Path, Path], None]


def publish_and_die(model: Path, destination: Path) -> None:
    """Is killed with SIGKILL while it publishes."""
    publish(model, destination, "killed", prepare=_die)


def publish_on_a_full_disk(model: Path, destination: Path) -> None:
    """Publishes where no file may grow beyond three bytes; ends with the exit code DISK_FULL if that raises OSError."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, resource.RLIM_INFINITY))
    try:
        publish(model, destination, "too large")
    except OSError:
        os._exit(DISK_FULL)


def exit_code_of(work: Work, model: Path, destination: Path) -> int | None:
    """Returns how a process of its own that did the work ended; minus the signal's number where one ended it."""
    child = multiprocessing.get_context("spawn").Process(target=work, args=(model, destination))
    child.start()
    child.join()
    return child.exitcode


def _die(copy: Path) -> None:
    (copy / "half written").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
