"""How much of what a model could do does the embedded server let through? Each figure stands beside its limit.

    python -m benchmarks.serving [--base-path var/taxi/serving/taxi] [--seconds 5]

The model is a pushed one, its requests are rows of its own warm-up file, and the limit is the same model called in a
process of its own by the call that the server makes (`benchmarks/in_process.py`), in turn with the server. What
batching gives is measured on that model, and on one whose call is worth sharing: four layers of 2048 units, which reads
67 MB of weights for a row or for 64. Server and client share the machine's cores. Prints one JSON object: requests and
rows a second, p50, p95, p99, the server's CPU for each request, and the ratios that are promised.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
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
from tensorflow import make_tensor_proto
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from benchmarks.in_process import SIGNATURE, Columns, InProcess, columns_of, in_process
from components.publication import latest_version

MODEL = "model"
MANY = 256
WIDTH = 2048
ROUNDS = 5  # of server and model in turn; what is told is the middle one, for the machine is not the same all the time
BATCHING = ("--enable_batching", "--grpc_max_threads=64")
Figures = dict[str, Any]


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
    seconds = arguments.seconds
    with serving(arguments.base_path) as server, in_process(version) as model:
        paired = Paired(Load(server, requests, seconds / ROUNDS), model)
        pairs = {
            "grpc_1_row": paired("grpc", 1, in_flight=1),
            "grpc_1_row_16_in_flight": paired("grpc", 1, in_flight=16),
            "grpc_256_rows_4_in_flight": paired("grpc", MANY, in_flight=4),
            "rest_1_row": paired("rest", 1, in_flight=1),
            "rest_1_row_16_in_flight": paired("rest", 1, in_flight=16),
            "rest_256_rows_4_in_flight": paired("rest", MANY, in_flight=4),
        }
        half = middle(pairs["grpc_1_row_16_in_flight"], "per_second") / 2
        pairs["grpc_1_row_at_half_the_peak"] = paired("grpc", 1, in_flight=16, rate=half)
        sixty_four = Load(server, requests, seconds)("grpc", 1, in_flight=64)
    batched = {"grpc_1_row_64_in_flight": sixty_four}
    batched["grpc_1_row_64_in_flight_batched"] = load_64(arguments.base_path, requests, seconds, *BATCHING)
    with tempfile.TemporaryDirectory() as folder:
        wide = {"grpc_1": write_wide_model(Path(folder))}
        batched["wide_1_row_64_in_flight"] = load_64(Path(folder), wide, seconds)
        batched["wide_1_row_64_in_flight_batched"] = load_64(Path(folder), wide, seconds, *BATCHING)
    return {**{name: told(rounds) for name, rounds in pairs.items()}, **batched, "ratios": ratios(pairs, batched)}


@dataclass(frozen=True)
class Round:
    """What a server did, and the model without it in the second after."""

    server: Figures
    model: Figures

    @property
    def cpu_beyond(self) -> float:
        """The server's CPU for a request, less the call's, in microseconds."""
        return float(self.server["server_cpu_us"] - self.model["cpu_us"])

    @property
    def rows(self) -> float:
        """The server's rows a second for one of the model's."""
        return float(self.server["rows_per_second"] / self.model["rows_per_second"])

    @property
    def p99(self) -> float:
        """The 99th percentile of a request for the time of a call."""
        return float(self.server["p99_ms"] * 1e3 / self.model["us"])


class Paired:
    """Measures a server and the model it serves in turn."""

    def __init__(self, load: Load, model: InProcess) -> None:
        self._load, self._model = load, model

    def __call__(self, kind: str, rows: int, *, in_flight: int, rate: float = 0.0) -> list[Round]:
        """Returns the rounds; for one request at a time, and at a rate, the model is called as often as the server."""
        rounds = []
        for _ in range(ROUNDS):
            server = self._load(kind, rows, in_flight=in_flight, rate=rate)
            is_paced = rows == 1 and (in_flight == 1 or rate > 0)
            rounds.append(Round(server, self._model(rows, server["per_second"] if is_paced else 0.0)))
        return rounds


def middle(rounds: list[Round], name: str) -> float:
    """Returns the median of a figure of the server's."""
    return statistics.median(one.server[name] for one in rounds)


def told(rounds: list[Round]) -> Figures:
    """Returns the median of each figure."""
    model = {f"model_{name}": statistics.median(one.model[name] for one in rounds) for name in ("us", "cpu_us")}
    return {name: round(middle(rounds, name), 3) for name in rounds[0].server} | model


def ratios(pairs: dict[str, list[Round]], batched: Figures) -> Figures:
    """Returns what is promised, by its bar."""

    def median(name: str, of: str) -> float:
        return round(statistics.median(getattr(one, of) for one in pairs[name]), 2)

    def gain(name: str) -> float:
        return round(batched[f"{name}_batched"]["per_second"] / batched[name]["per_second"], 2)

    return {
        "grpc: us of CPU beyond the call, at most 350": median("grpc_1_row_16_in_flight", "cpu_beyond"),
        "grpc: the same with 1 in flight": median("grpc_1_row", "cpu_beyond"),
        "rest: us of CPU beyond the call, at most 600": median("rest_1_row_16_in_flight", "cpu_beyond"),
        "rest: the same with 1 in flight": median("rest_1_row", "cpu_beyond"),
        "grpc: rows/s of those in process, at least 0.8": median("grpc_256_rows_4_in_flight", "rows"),
        "rest: rows/s of those in process, at least 0.4": median("rest_256_rows_4_in_flight", "rows"),
        "batched to plain": gain("grpc_1_row_64_in_flight"),
        "batched to plain, wide model, at least 3": gain("wide_1_row_64_in_flight"),
        "p99 at half the peak to the call, under 10": median("grpc_1_row_at_half_the_peak", "p99"),
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
        return figures | {"rows_per_second": round(figures["per_second"] * rows)}


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


if __name__ == "__main__":
    main()
