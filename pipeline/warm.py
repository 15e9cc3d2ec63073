"""A process that has what executors compute with, and forks itself for each: none pays for the imports again.

It starts to import while the command still reads its configuration, and the first steps run. A step's launcher asks for
its executor over a socket that only this run has; it sends what TFX would give a container, and gets the output.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from components.forking import say_fresh
from pipeline.child import Note, Outcome, die_with, run_in_child
from pipeline.config import Config
from pipeline.light import quick_imports
from schema.errors import PenstockError, StepFailed

if TYPE_CHECKING:
    from tfx.orchestration.portable.data_types import ExecutionInfo
    from tfx.proto.orchestration.execution_result_pb2 import ExecutorOutput

MODULES = (  # in the order in which steps need them
    "components.statistics_gen",
    "tfx.components.schema_gen.executor",
    "tfx.components.example_validator.executor",
    "components.data_gate",
    "components.transform",
    "components.preprocessing",
    "tfx.components.trainer.executor",
    "components.training",
    "components.model",
    "components.infra_validator",
    "components.evaluator",
    "components.metrics",
    "components.pusher",
    "components.report.step",
)
SLOW_AND_OPTIONAL = ("google.cloud.bigquery",)  # for a source and a sink of Beam's
BIG_QUERY = "bigquery"
LOADING = "waiting for TensorFlow to be loaded"
SECONDS_BEFORE_SAYING_SO = 0.3
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "1"}
progress = logging.getLogger("penstock.progress")


def left_out(config: Config) -> tuple[str, ...]:
    """Returns the optional libraries that a run does without."""
    is_used = config.runner.name != "local" or config.data.source == BIG_QUERY
    return () if is_used else SLOW_AND_OPTIONAL


def warm_for(config: Config) -> Warm:
    """Returns the process that a configuration's run needs; it checks the user's functions, too."""

    def check() -> None:
        from pipeline.options import check_user_code

        check_user_code(config)

    return Warm(check, left_out(config))


@dataclass(frozen=True)
class Request:
    """An executor that is to run: TFX's spec of it, the invocation, and of its step the log, process group and scratch.

    The scratch is the folder of the step's temporary files.
    """

    kind: str
    spec: bytes
    invocation: bytes
    log: Path
    group: int
    scratch: Path

    def executable(self) -> Any:
        """Returns TFX's spec."""
        from tfx.proto.orchestration import executable_spec_pb2

        return getattr(executable_spec_pb2, self.kind).FromString(self.spec)


def module_of(spec: Any) -> str:
    """Returns the module of an executor, by TFX's spec of it."""
    return str(getattr(spec, "python_executor_spec", spec).class_path.rpartition(".")[0])


class Warm:
    """The process, from when it is entered until it is left.

    Args:
      check: called in it when all is imported; the PenstockError that it raises is then every executor's.
      left_out: optional libraries that it does without.
      modules: what it imports.
    """

    def __init__(
        self, check: Callable[[], None], left_out: Sequence[str] = (), modules: Iterable[str] = MODULES
    ) -> None:
        self._check, self._left_out, self._modules = check, left_out, modules

    def __enter__(self) -> Self:
        self._socket, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server = _Server(there, self._check, self._left_out, self._modules)
        self._process = multiprocessing.get_context("fork").Process(target=server.run, args=(self._socket, os.getpid()))
        self._process.start()
        there.close()
        return self

    def __exit__(self, *details: object) -> None:
        self._process.kill()
        self._process.join()
        self._socket.close()

    def execute(self, spec: Any, information: ExecutionInfo, log: Path) -> ExecutorOutput:
        """Runs an executor there, as part of the step that calls this, and passes on what it says of its progress.

        Raises:
          PenstockError: the executor's.
        """
        from tfx.proto.orchestration.execution_result_pb2 import ExecutorOutput

        here, there = multiprocessing.Pipe()
        with suppress(OSError):  # it has ended, which the answer will tell
            socket.send_fds(self._socket, [b"\0"], [there.fileno()])
        there.close()
        invocation = information.to_proto().SerializeToString()
        step = (log, os.getpgid(0), Path(tempfile.gettempdir()))
        outcome = _answer(here, Request(type(spec).__name__, spec.SerializeToString(), invocation, *step))
        if outcome.error:
            raise outcome.error
        return ExecutorOutput.FromString(outcome.output)


def _answer(connection: Connection, request: Request) -> Outcome:
    try:
        connection.send(request)
        if not connection.poll(SECONDS_BEFORE_SAYING_SO):
            progress.info(LOADING)
        while isinstance(message := connection.recv(), Note):
            progress.info(message.text)
    except (EOFError, OSError):
        return Outcome(error=StepFailed(f"The process that ran it ended without a word. The log is {request.log}"))
    assert isinstance(message, Outcome)
    return message


class _Server:
    """What the process does: imports, and answers whoever asks, in between too, once his executor's module is there."""

    def __init__(
        self, requests: socket.socket, check: Callable[[], None], left_out: Sequence[str], modules: Iterable[str]
    ) -> None:
        self._requests, self._check, self._left_out, self._modules = requests, check, left_out, modules
        self._waiting: list[tuple[Connection, Request]] = []
        self._imported: set[str] = set()
        self._error: PenstockError | None = None

    def run(self, other_end: socket.socket, parent: int) -> None:
        """Serves until the parent ends."""
        other_end.close()
        die_with(parent)
        silence = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(silence, descriptor)
        os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # whoever ends the run ends it last
        with quick_imports(*self._left_out):
            self._import()
        while self._hear(wait=True):
            self._start_ready(everything=True)

    def _import(self) -> None:
        try:
            for module in self._modules:
                import_module(module)
                self._imported.add(module)
                while self._hear(wait=False):
                    pass
                self._start_ready(everything=False)
            self._check()
        except PenstockError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  # whatever a library raises is an answer to all who wait
            trace = "".join(traceback.format_exception(error))
            self._error = StepFailed(f"What the steps need cannot be imported: {trace}")
        self._start_ready(everything=True)

    def _hear(self, *, wait: bool) -> bool:
        """Takes in a request; returns whether there was one."""
        if not wait and not select.select([self._requests], [], [], 0)[0]:
            return False
        _, descriptors, _, _ = socket.recv_fds(self._requests, 1, 1)
        if not descriptors:
            return False
        connection = Connection(descriptors[0])
        with suppress(EOFError):  # the step was ended meanwhile
            self._waiting.append((connection, connection.recv()))
        return True

    def _start_ready(self, *, everything: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for connection, request in waiting:
            if self._error:
                connection.send(Outcome(error=self._error))
            elif everything or module_of(request.executable()) in self._imported:
                connection.send(Note(""))
                work = partial(_execute, request)
                multiprocessing.get_context("fork").Process(
                    target=run_in_child,
                    args=(work, request.log, connection, os.getpid(), request.scratch, request.group),
                ).start()
            else:
                self._waiting.append((connection, request))
        multiprocessing.active_children()  # which clears away those that have ended


def _execute(request: Request) -> Outcome:
    from tfx.orchestration.portable.data_types import ExecutionInfo
    from tfx.orchestration.portable.launcher import DEFAULT_EXECUTOR_OPERATORS
    from tfx.proto.orchestration.execution_invocation_pb2 import ExecutionInvocation

    say_fresh()
    gc.enable()  # it may have been forked in the middle of the imports
    sys.argv[1:] = []  # TFX would give it to the executor
    spec = request.executable()
    operator = DEFAULT_EXECUTOR_OPERATORS[type(spec)](spec)
    information = ExecutionInfo.from_proto(ExecutionInvocation.FromString(request.invocation))
    return Outcome(output=operator.run_executor(information).SerializeToString())
