"""How much of what a model could do does the embedded server let through? Each figure stands beside its limit.

    python -m benchmarks.serving [--base-path var/taxi/serving/taxi] [--seconds 5]

The model is a pushed one, its requests are rows of its own warm-up file, and the limit is the same model called in a
process of its own by the call that the server makes. What batching gives is measured on that model, and on one whose
call is worth sharing: four layers of 2048 units, which reads 67 MB of weights for a row or for 64. Server and client
share the machine's cores. Prints one JSON object: requests and rows a second, p50, p95, p99, the server's CPU for each
request, and the ratios that are promised.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tensorflow import make_ndarray, make_tensor_proto
from tensorflow.data import TFRecordDataset
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from components.publication import latest_version
from components.warmup import WARMUP_FILE
from serving.server import saved_model
from serving.server.servable import Array

MODEL, SIGNATURE = "model", "predict_columns"
MANY = 256
WIDTH = 2048
WARM_UP, CALLS = 50, 500
# What the server's figures are held against: rows of a call, and whether calls come no faster than the server had them.
# A core that waits between calls takes twice the CPU for the same one: caches are cold, and its clock is slow.
LIMITS = {
    "grpc_1_row": (1, True),
    "grpc_1_row_16_in_flight": (1, False),
    "grpc_1_row_at_half_the_peak": (1, True),
    "grpc_256_rows": (MANY, False),
    "rest_1_row": (1, True),
    "rest_1_row_16_in_flight": (1, False),
    "rest_256_rows": (MANY, False),
}
BATCHING = ("--enable_batching", "--grpc_max_threads=64")
Figures = dict[str, Any]
Columns = dict[str, Array]


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    process: psutil.Process
    port: int
    rest_port: int

    def cpu_seconds(self) -> float:
        """The CPU that it has used."""
        return float(sum(self.process.cpu_times()[:2]))


def main() -> None:
    """Measures, and prints what came out."""
    parser = argparse.ArgumentParser(description="the embedded model server beside the model called in process")
    parser.add_argument("--base-path", type=Path, default=Path("var/taxi/serving/taxi"))
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    version = latest_version(arguments.base_path)
    if version is None:
        parser.error(f"{arguments.base_path}: no version is pushed there. Run penstock run configs/taxi.yaml first.")
    with tempfile.TemporaryDirectory() as folder:
        requests = write_requests(version.path, Path(folder))
        print(json.dumps(measured(arguments, version.path, requests), indent=2))


def measured(arguments: argparse.Namespace, version: Path, requests: dict[str, Path]) -> Figures:
    """Returns all figures, and the ratios of them."""
    with serving(arguments.base_path) as plain:
        load = Load(plain, requests, arguments.seconds)
        figures = {
            "grpc_1_row": load("grpc", 1, in_flight=1),
            "grpc_1_row_16_in_flight": load("grpc", 1, in_flight=16),
            "grpc_1_row_64_in_flight": load("grpc", 1, in_flight=64),
            "grpc_256_rows": load("grpc", MANY, in_flight=4),
            "rest_1_row": load("rest", 1, in_flight=1),
            "rest_1_row_16_in_flight": load("rest", 1, in_flight=16),
            "rest_256_rows": load("rest", MANY, in_flight=4),
        }
        half = figures["grpc_1_row_16_in_flight"]["per_second"] / 2
        figures["grpc_1_row_at_half_the_peak"] = load("grpc", 1, in_flight=16, rate=half)
    figures["grpc_1_row_64_in_flight_batched"] = load_64(arguments.base_path, requests, arguments.seconds, *BATCHING)
    with tempfile.TemporaryDirectory() as folder:
        wide = {"grpc_1": write_wide_model(Path(folder))}
        figures["wide_1_row_64_in_flight"] = load_64(Path(folder), wide, arguments.seconds)
        figures["wide_1_row_64_in_flight_batched"] = load_64(Path(folder), wide, arguments.seconds, *BATCHING)
    limits = {name: limit(version, figures[name], *how) for name, how in LIMITS.items()}
    return {"in_process": limits, **figures, "ratios": ratios(limits, figures)}


def limit(version: Path, figures: Figures, rows: int, is_paced: bool) -> Figures:  # noqa: FBT001  # a row of LIMITS
    """Returns the model's figures in process, called as often as the server was if that is paced."""
    pace = figures["per_second"] if is_paced else 0.0
    found: Figures = json.loads(output_of("-c", IN_PROCESS, str(version), str(rows), str(pace)))
    return found


def ratios(limits: dict[str, Figures], figures: dict[str, Figures]) -> Figures:
    """Returns what is promised, by its bar."""

    def cpu(name: str) -> int:
        return round(figures[name]["server_cpu_us"] - limits[name]["cpu_us"])

    def rows(name: str) -> float:
        return round(figures[name]["rows_per_second"] / limits[name]["rows_per_second"], 3)

    def batched(name: str) -> float:
        return round(figures[f"{name}_batched"]["per_second"] / figures[name]["per_second"], 2)

    half = "grpc_1_row_at_half_the_peak"
    return {
        "grpc: us of CPU beyond the call, at most 350": cpu("grpc_1_row"),
        "grpc: the same with 16 in flight": cpu("grpc_1_row_16_in_flight"),
        "rest: us of CPU beyond the call, at most 600": cpu("rest_1_row"),
        "rest: the same with 16 in flight": cpu("rest_1_row_16_in_flight"),
        "grpc: rows/s of those in process, at least 0.8": rows("grpc_256_rows"),
        "rest: rows/s of those in process, at least 0.4": rows("rest_256_rows"),
        "batched to plain": batched("grpc_1_row_64_in_flight"),
        "batched to plain, wide model, at least 3": batched("wide_1_row_64_in_flight"),
        "p99 at half the peak to the call, under 10": round(figures[half]["p99_ms"] * 1e3 / limits[half]["us"], 2),
    }


class Load:
    """Loads a server, and measures both sides."""

    def __init__(self, server: Server, requests: dict[str, Path], seconds: float) -> None:
        self._server, self._requests, self._seconds = server, requests, seconds

    def __call__(self, kind: str, rows: int, *, in_flight: int, rate: float = 0.0) -> Figures:
        """Returns the client's figures and the server's CPU."""
        port = self._server.port if kind == "grpc" else self._server.rest_port
        request = str(self._requests[f"{kind}_{rows}"])
        options = [f"--seconds={self._seconds}", f"--in-flight={in_flight}", f"--rate={rate}"]
        client = [sys.executable, "-m", "benchmarks.load", kind, f"localhost:{port}", request, *options]
        with subprocess.Popen(client, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout
            assert process.stdout.readline() == b"measuring\n"
            before = self._server.cpu_seconds()
            figures: Figures = json.loads(process.stdout.readline())
            cpu = self._server.cpu_seconds() - before
        figures["server_cpu_us"] = round(cpu / figures["requests"] * 1e6)
        return figures | ({"rows_per_second": round(figures["per_second"] * rows)} if rows > 1 else {})


def load_64(base_path: Path, requests: dict[str, Path], seconds: float, *flags: str) -> Figures:
    """Returns what a server of its own does with 64 requests of one row in flight."""
    with serving(base_path, *flags) as server:
        return Load(server, requests, seconds)("grpc", 1, in_flight=64)


def write_wide_model(base_path: Path) -> Path:
    """Writes the model of four layers; returns the file of a request of one row."""
    import tensorflow as tf

    class Wide(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = [tf.Variable(tf.random.normal([WIDTH, WIDTH], stddev=WIDTH**-0.5)) for _ in range(4)]

        @tf.function(input_signature=[tf.TensorSpec([None, WIDTH], tf.float32, "rows")])
        def score(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
            for weights in self.weights:
                rows = tf.nn.relu(rows @ weights)
            return {"score": tf.reduce_mean(rows, axis=1)}

    model = Wide()
    tf.saved_model.save(model, str(base_path / "1"), signatures={SIGNATURE: model.score})
    request = base_path / "request"
    request.write_bytes(grpc_request({"rows": np.ones((1, WIDTH), np.float32)}))
    return request


@contextmanager
def serving(base_path: Path, *flags: str) -> Iterator[Server]:
    """Runs the embedded server until the block ends."""
    port, rest_port = free_port(), free_port()
    words = [f"--port={port}", f"--rest_api_port={rest_port}", f"--model_name={MODEL}"]
    command = [sys.executable, "-m", "serving.server.main", *words, f"--model_base_path={base_path.absolute()}", *flags]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            for each in (port, rest_port):
                wait_for(each, process)
            yield Server(psutil.Process(process.pid), port, rest_port)
        finally:
            process.terminate()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Returns when something listens."""
    while process.poll() is None:
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server has ended; penstock-model-server says why")


def free_port() -> int:
    """Returns a port that nothing listens at."""
    with socket.create_server(("localhost", 0)) as server:
        return int(server.getsockname()[1])


def write_requests(version: Path, folder: Path) -> dict[str, Path]:
    """Writes a request of one row and one of many, for each way; returns their files."""
    columns = columns_of(version)
    files = {}
    for rows in (1, MANY):
        some = {name: np.resize(array, rows) for name, array in columns.items()}
        for kind, data in (("grpc", grpc_request(some)), ("rest", rest_request(some))):
            files[f"{kind}_{rows}"] = folder / f"{kind}_{rows}"
            files[f"{kind}_{rows}"].write_bytes(data)
    return files


def columns_of(version: Path) -> Columns:
    """Returns the rows of a version's warm-up file, by column."""
    for record in TFRecordDataset(str(version / WARMUP_FILE)).as_numpy_iterator():
        request = PredictionLog.FromString(record).predict_log.request
        if request.model_spec.signature_name == SIGNATURE:
            return {name: make_ndarray(tensor) for name, tensor in request.inputs.items()}
    raise SystemExit(f"{version / WARMUP_FILE}: has no request to {SIGNATURE}")


def grpc_request(columns: Columns) -> bytes:
    """Returns a PredictRequest as clients make it."""
    request = PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = MODEL, SIGNATURE
    for name, array in columns.items():
        request.inputs[name].CopyFrom(make_tensor_proto(array))
    data: bytes = request.SerializeToString()
    return data


def rest_request(columns: Columns) -> bytes:
    """Returns an HTTP request with one JSON object for each row."""
    plain = {name: array.astype(str) if array.dtype == object else array for name, array in columns.items()}
    rows = [dict(zip(plain, values, strict=True)) for values in zip(*(a.tolist() for a in plain.values()), strict=True)]
    body = json.dumps({"signature_name": SIGNATURE, "instances": rows}).encode()
    head = f"POST /v1/models/{MODEL}:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def output_of(*words: str) -> str:
    """Returns what a Python process prints."""
    return subprocess.run(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
    ).stdout


def in_process(version: Path, rows: int, per_second: float) -> Figures:
    """Returns how fast the model answers without a server: one call after the other, or so many a second."""
    servable = saved_model.load(MODEL, 1, version)
    signature = servable.signatures[SIGNATURE]
    columns = columns_of(version)
    values = [np.resize(columns[alias], rows) for alias in signature.inputs]
    times, cpu = [], 0.0
    for number in range(WARM_UP + CALLS):
        began_cpu, began = time.process_time(), time.perf_counter()
        servable.session.run(signature.feeds, values, signature.fetches, None)
        took = time.perf_counter() - began
        if number >= WARM_UP:
            times.append(took)
            cpu += time.process_time() - began_cpu
        time.sleep(max(0.0, 1 / per_second - took) if per_second else 0.0)
    mean = sum(times) / CALLS
    return {"us": round(mean * 1e6), "cpu_us": round(cpu / CALLS * 1e6), "rows_per_second": round(rows / mean)}


IN_PROCESS = """
import json, sys
from pathlib import Path
from benchmarks.serving import in_process
print(json.dumps(in_process(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
"""

if __name__ == "__main__":
    main()
