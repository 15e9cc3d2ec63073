"""Our own entry point, started as a fork of this process, which has loaded what every step needs.

`python -m pipeline.container` takes eight seconds of a core to import TFX, once a step. A fork has it already. All else
is as the command would have it: a process of its own with the command's arguments, variables, folder and output.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import NoReturn

from components.forking import end_with
from pipeline.spec.loading import Spec

MODULE = "pipeline.container"
PYTHONS = ("python", "python3")
CLASS_OPTIONS = ("--executor_class_path", "--driver_class_path")
RUNNERS = ("pipeline.container.executor_step", "pipeline.container.driver_step")


def is_ours(words: Sequence[str]) -> bool:
    """Returns whether a command starts our entry point."""
    return len(words) > 2 and words[0] in PYTHONS and list(words[1:3]) == ["-m", MODULE]  # noqa: PLR2004  # python -m it


def preload(spec: Spec) -> None:
    """Imports what the steps of a spec that start our entry point will import; what is not there, a step tells."""
    for name in dict.fromkeys((*RUNNERS, *_modules(spec))):
        with suppress(ImportError):
            importlib.import_module(name)


def has_ours(spec: Spec) -> bool:
    """Returns whether some step starts our entry point."""
    return any(is_ours(words) for words in _commands(spec))


class Forked:
    """A started entry point, with what this package uses of subprocess.Popen."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        read, write = os.pipe()
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_become, args=(list(words), dict(environment), write, os.getpid()))
        self._process.start()
        os.close(write)
        self.stdout = os.fdopen(read, "rb", buffering=0)
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """How it ended, as Popen has it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Returns how it ended, if it has."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """Waits until it has ended, or the time is over."""
        self._process.join(timeout)
        return self._process.exitcode


def _become(words: list[str], environment: dict[str, str], output: int, parent: int) -> NoReturn:
    """Makes this process what the command would have started, runs it, and ends."""
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", 1, closefd=False) for descriptor in (1, 2))
    os.chdir("/")
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["", *words[3:]]
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path not in sys.path]
    _silence_loggers()
    code = _run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # as pipeline/child.py: no destructor of TensorFlow's is worth waiting for


def _run() -> int:
    try:
        runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # what the interpreter does with an error that nobody caught
        traceback.print_exc()
        return 1
    return 0


def _silence_loggers() -> None:
    """Takes away the loggers' handlers of the process that was forked: the entry point has its own."""
    for name in (None, "penstock.progress"):
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)


def _commands(spec: Spec) -> Iterator[list[str]]:
    for executor in spec.executors.values():
        container = executor.container
        yield [*container.command, *container.args]
        check = container.lifecycle.pre_cache_check
        yield [*check.command, *check.args]


def _modules(spec: Spec) -> Iterator[str]:
    """The modules of the classes that the steps run."""
    for words in filter(is_ours, _commands(spec)):
        for option, value in pairwise(words):
            if option in CLASS_OPTIONS:
                yield value.rpartition(".")[0]
