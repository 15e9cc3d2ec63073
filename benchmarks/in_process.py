"""A model that is called without a server, in a process of its own: what a server's figures are held against.

    python -m benchmarks.in_process VERSION_FOLDER

Reads lines of "ROWS PER_SECOND" and answers each with one JSON object: microseconds and CPU of a call of so many rows,
and rows a second. With PER_SECOND above 0, calls begin no more often than that: a core that waits between calls takes
up to twice the CPU for the same one, for its caches are cold and its clock is slow.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tensorflow import make_ndarray
from tensorflow.data import TFRecordDataset
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from components.warmup import WARMUP_FILE
from serving.server import saved_model
from serving.server.servable import Array

SIGNATURE = "predict_columns"
WARM_UP, SECONDS = 20, 0.7
Columns = dict[str, Array]


class InProcess:
    """The process, as who asks it sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, rows: int, per_second: float) -> dict[str, Any]:
        """Returns the figures of calls of so many rows, made so often (0: one after the other)."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{rows} {per_second}\n")
        self._process.stdin.flush()
        figures: dict[str, Any] = json.loads(self._process.stdout.readline())
        return figures


@contextmanager
def in_process(version: Path) -> Iterator[InProcess]:
    """Runs the process until the block ends."""
    command = [sys.executable, "-m", "benchmarks.in_process", str(version)]
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, text=True) as process:
        yield InProcess(process)
        assert process.stdin
        process.stdin.close()


def main() -> None:
    """Answers until its input ends."""
    version = Path(sys.argv[1])
    servable = saved_model.load("model", 1, version)
    signature, columns = servable.signatures[SIGNATURE], columns_of(version)
    for line in sys.stdin:
        rows, per_second = int(line.split()[0]), float(line.split()[1])
        values = [np.resize(columns[alias], rows) for alias in signature.inputs]
        call = (signature.feeds, values, signature.fetches, None)
        print(json.dumps(measured(lambda call=call: servable.session.run(*call), rows, per_second)), flush=True)


def columns_of(version: Path) -> Columns:
    """Returns the rows of a version's warm-up file, by column."""
    for record in TFRecordDataset(str(version / WARMUP_FILE)).as_numpy_iterator():
        request = PredictionLog.FromString(record).predict_log.request
        if request.model_spec.signature_name == SIGNATURE:
            return {name: make_ndarray(tensor) for name, tensor in request.inputs.items()}
    raise SystemExit(f"{version / WARMUP_FILE}: has no request to {SIGNATURE}")


def measured(call: Any, rows: int, per_second: float) -> dict[str, Any]:
    """Returns the figures of a call."""
    for _ in range(WARM_UP):
        call()
    wall = cpu = 0.0
    calls, end = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        began_cpu, began = time.process_time(), time.perf_counter()
        call()
        took = time.perf_counter() - began
        wall, cpu, calls = wall + took, cpu + time.process_time() - began_cpu, calls + 1
        time.sleep(max(0.0, 1 / per_second - took) if per_second else 0.0)
    return {"us": round(wall / calls * 1e6), "cpu_us": round(cpu / calls * 1e6), "rows_per_second": rows * calls / wall}


if __name__ == "__main__":
    main()
