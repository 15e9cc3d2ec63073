"""Whether this process may fork itself for another piece of work, which saves that one seconds of imports; how it ends.

One that TensorFlow or gRPC have started threads in may not. So whoever forks a process off one that has done nothing
but import says so here, and what comes first in it may fork on.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
_fresh: set[int] = set()  # processes; a fork of one is another


def say_fresh() -> None:
    """Says that this process has done nothing but import."""
    _fresh.add(os.getpid())


def is_fresh() -> bool:
    """Returns whether this process may fork itself."""
    return os.getpid() in _fresh


def end_with(parent: int) -> None:
    """Has the kernel end this process when its parent ends, even by kill -9 (prctl(2)); ends it if that is past."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class ForkedModule:
    """A process that runs a module as `python -m` would, and ends with this one; it has what subprocess.Popen has.

    Args:
      module: its name.
      arguments: of the command.
      log: the file to which all output goes.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_run, args=(module, arguments, log, os.getpid()))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """The exit code, once it has ended."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Returns the exit code, once it has ended."""
        return self._process.exitcode

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()

    def wait(self) -> None:
        """Waits until it has ended."""
        self._process.join()


def _run(module: str, arguments: Sequence[str], log: Path, parent: int) -> None:
    end_with(parent)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__")
