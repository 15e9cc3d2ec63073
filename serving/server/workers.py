"""Several servers on the same ports: the kernel gives each connection to one of them (SO_REUSEPORT)."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence

from prometheus_client import multiprocess

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where processes count together; prometheus_client reads it
RESTART_SECONDS = 1.0  # after which a worker that was killed is started again
LOOK_SECONDS = 0.2
SUPERVISOR = "PENSTOCK_SUPERVISOR"  # the process id of who started a worker
PR_SET_PDEATHSIG = 1
log = logging.getLogger(__name__)


def supervise(words: Sequence[str], count: int) -> int:
    """Runs `count` servers with these flags until it is told to stop, or one of them cannot start.

    A worker that is killed is started again. Returns an exit code: 0, or that of the worker that could not start.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="penstock-metrics-") as folder:
        command = [sys.executable, "-m", "serving.server.main", *words, "--workers=1", "--reuse_port"]
        environment = os.environ | {METRICS_FOLDER: folder, SUPERVISOR: str(os.getpid())}
        workers = [subprocess.Popen(command, env=environment) for _ in range(count)]
        code = 0
        while not code and not stop.wait(LOOK_SECONDS):
            for place, worker in enumerate(workers):
                ended = worker.poll()
                if ended is None:
                    continue
                if ended >= 0:
                    code = ended or 1  # it has said why
                    break
                log.error("worker %d ended by signal %d and is started again", worker.pid, -ended)
                _forget(worker.pid, folder)
                if not stop.wait(RESTART_SECONDS):
                    workers[place] = subprocess.Popen(command, env=environment)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()
    return code


def _forget(pid: int, folder: str) -> None:
    """Drops what a worker that is dead has measured; what it has counted stays."""
    multiprocess.mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]  # it has no types


def end_with_supervisor() -> None:
    """Has the kernel send this process SIGTERM when who supervises it dies, even by kill -9 (prctl(2)).

    Does nothing in a process that is nobody's worker.
    """
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is None:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(supervisor):  # it died before
        os.kill(os.getpid(), signal.SIGTERM)
