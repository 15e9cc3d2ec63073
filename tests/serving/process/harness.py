"""A model server in a process of its own, which tests end in every way there is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conformance.processes import HOST, PATIENCE, free_port, takes_connections

SERVER = (sys.executable, "-m", "serving.server.main")
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Ports:
    """Where a server listens."""

    grpc: int = field(default_factory=free_port)
    rest: int = field(default_factory=free_port)

    @property
    def flags(self) -> tuple[str, str]:
        """The flags that say so."""
        return f"--port={self.grpc}", f"--rest_api_port={self.rest}"


@dataclass(frozen=True)
class Running:
    """A server that has been started."""

    process: subprocess.Popen[bytes]
    ports: Ports
    log: Path

    @property
    def grpc(self) -> str:
        """Its gRPC address."""
        return f"{HOST}:{self.ports.grpc}"

    @property
    def rest(self) -> str:
        """Its REST address."""
        return f"{HOST}:{self.ports.rest}"

    def said(self) -> str:
        """What it has written to standard output and standard error."""
        return self.log.read_text(errors="replace")

    def wait_until_open(self) -> Running:
        """Returns the server itself, once both ports take connections."""
        return self.wait_until(lambda: takes_connections(self.grpc) and takes_connections(self.rest), "open")

    def wait_until_said(self, text: str, times: int = 1) -> Running:
        """Returns the server itself, once it has written a text so many times."""
        return self.wait_until(lambda: self.said().count(text) >= times, f"said {text!r}")

    def wait_until(self, holds: object, what: str) -> Running:
        """Returns the server itself, once something holds."""
        assert callable(holds)
        end = time.monotonic() + PATIENCE
        while not holds():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.said()}"
            assert time.monotonic() < end, f"it has not {what}:\n{self.said()}"
            time.sleep(0.02)
        return self

    def terminate(self) -> int:
        """Sends SIGTERM, and returns the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """Sends SIGKILL, and returns when the process is no more."""
        self.process.kill()
        self.process.wait()

    def workers(self) -> list[psutil.Process]:
        """The processes that it has started and that live."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def serving(log: Path, *flags: str, ports: Ports | None = None) -> Iterator[Running]:
    """Starts a server, on free ports if none are given; kills it at the end, and whatever it started."""
    ports = ports or Ports()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*SERVER, *ports.flags, *flags], stdout=file, stderr=subprocess.STDOUT, env=environment
        )
    started: list[psutil.Process] = []
    try:
        yield Running(process, ports, log)
    finally:
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        for child in started:
            with suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGKILL)
