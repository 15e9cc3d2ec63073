"""A model server in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120  # seconds after which a server that has not opened its ports is taken for one that never will
HOST = "localhost"


@dataclass(frozen=True)
class Server:
    """Where a model server listens; `rest` is None where that is not known."""

    grpc: str
    rest: str | None
    is_foreign: bool = False


@dataclass(frozen=True)
class Launch:
    """A server that has been started, and may not have opened its ports yet."""

    process: subprocess.Popen[bytes]
    server: Server
    log: Path

    def said(self) -> str:
        """What it has written to standard output and standard error."""
        return self.log.read_text(errors="replace")

    def is_open(self) -> bool:
        """Whether both ports take connections."""
        return all(takes_connections(address) for address in (self.server.grpc, self.server.rest) if address)

    def wait_until_open(self) -> Server:
        """Returns the server once it takes connections."""
        end = time.monotonic() + PATIENCE
        while not self.is_open():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.said()}"
            assert time.monotonic() < end, f"the server's ports did not open:\n{self.said()}"
            time.sleep(0.1)
        return self.server

    def wait_until_ended(self) -> int:
        """Returns the exit code of a server that is expected to give up."""
        return self.process.wait(PATIENCE)


@contextmanager
def launched(command: str, log: Path, *flags: str) -> Iterator[Launch]:
    """Starts a server on free ports, and kills it at the end; `flags` come after --port and --rest_api_port."""
    grpc, rest = free_port(), free_port()
    words = [command, f"--port={grpc}", f"--rest_api_port={rest}", *flags]
    with log.open("wb") as file, subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT) as process:
        try:
            yield Launch(process, Server(f"{HOST}:{grpc}", f"{HOST}:{rest}"), log)
        finally:
            process.kill()


def takes_connections(address: str) -> bool:
    """Whether something listens at `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Returns a TCP port that was free a moment ago."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
