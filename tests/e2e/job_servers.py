"""Job servers of Beam's that a test can give the steps' jobs to, where this machine has them."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline import job_server
from pipeline.runner_settings import Flink, JobServer, Spark
from tests.e2e.conftest import REPOSITORY

SECONDS = 60


@dataclass(frozen=True)
class Engine:
    """Something that runs Beam's jobs, and how `penstock run` is told of it.

    Attributes:
      words: the overlay, and what is set beside it.
      log: of a job server that is not the steps' own, and what it says of each job that is done.
    """

    words: tuple[str, ...]
    log: Path | None = None
    said: str = ""

    def jobs_done(self, logs: Path) -> int:
        """How many jobs were done: as the job server says, or each step that started one."""
        if self.log:
            return len(re.findall(self.said, self.log.read_text(encoding="utf-8", errors="replace")))
        return sum(log.read_text(encoding="utf-8").count("Really starting service") for log in logs.glob("*.log"))


@contextmanager
def beam(folder: Path) -> Iterator[Engine]:
    """The job server that Beam's wheel carries: Beam's own runner behind the interface that Flink's is called by."""
    command = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main", "--port", "{port}"]
    with _running(command, folder, "Completed job in .* with state DONE") as engine:
        yield engine


@contextmanager
def prism(folder: Path) -> Iterator[Engine]:
    """Beam's runner in Go, in which nothing is Python but the workers."""
    command = ["prism", "--job_port", "{port}", "--web_port", "0"]
    with _running(command, folder, "pipeline done!") as engine:
        yield engine


@contextmanager
def flink(folder: Path) -> Iterator[Engine]:
    """Flink, embedded in a job server of each step's own."""
    del folder
    yield Engine((_overlay("flink"),))
    assert _java_with(job_server.jar("flink", Flink())) == []


@contextmanager
def spark(folder: Path) -> Iterator[Engine]:
    """Spark, in a job server of each step's own."""
    del folder
    yield Engine((_overlay("spark"),))
    assert _java_with(job_server.jar("spark", Spark())) == []


def lack(name: str) -> str:
    """What this machine lacks for an engine; "" where nothing."""
    sections: dict[str, JobServer] = {"flink": Flink(), "spark": Spark()}
    if name in sections:
        return job_server.lack(name, sections[name])
    if name == "prism" and not shutil.which(name):
        return (
            "prism, Beam's runner in Go, is not on PATH: go install github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"
        )
    return ""


ENGINES = {"beam": beam, "prism": prism, "flink": flink, "spark": spark}


@contextmanager
def _running(command: list[str], folder: Path, said: str) -> Iterator[Engine]:
    log, port = folder / "job_server.log", _free_port()
    with log.open("wb") as output:
        words = [word.format(port=port) for word in command]
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait_for(port, process, log)
        yield Engine((_overlay("flink"), "--set", f"runner.flink.job_endpoint=localhost:{port}"), log, said)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("localhost", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8"))


def _free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _overlay(name: str) -> str:
    return str(REPOSITORY / "configs" / f"{name}.yaml")


def _java_with(jar: Path) -> list[int]:
    return [process.pid for process in psutil.process_iter(["cmdline"]) if str(jar) in (process.info["cmdline"] or ())]
