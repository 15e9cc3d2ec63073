"""Several servers on the same ports: the kernel gives each connection to one of them (SO_REUSEPORT)."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where processes count together; prometheus_client reads it
RESTART_SECONDS = 1.0  # after which a worker that was killed is started again
LOOK_SECONDS = 0.2
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
        environment = os.environ | {METRICS_FOLDER: folder}
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
                time.sleep(RESTART_SECONDS)
                workers[place] = subprocess.Popen(command, env=environment)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()
    return code
