"""Does the model server's memory stay flat, and is every request answered? A million requests, and the server's memory.

    python -m benchmarks.soak [--requests 1000000] [--in-flight 32]

One row a request; one in five over REST, the others over gRPC; two in fifty are wrong and must be refused in the right
way. Now and then a new version appears. Whatever is answered otherwise is a failure. Prints one JSON object: requests
a second, failures, the memory of the server's process at each tenth of the way, and the slope of a straight line
through these from the second tenth on. Client and server share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import uvloop
from grpc import StatusCode
from tensorflow_serving.apis import predict_pb2

from tests.conformance.grpc_api import predict_request, spec
from tests.conformance.models import half_plus_two
from tests.serving.process.harness import Running, serving

MODEL = "m"
PREDICT = "/tensorflow.serving.PredictionService/Predict"
VERSIONS = 25  # how many new ones appear in all
TENTHS = 10
SETTLED = 2  # tenths after which memory is to be flat
KIB_PER_MIB = 1024
REST_EVERY, WRONG_EVERY = 5, 50


@dataclass(frozen=True)
class Memory:
    """What a process holds, in MiB, after so many requests.

    Attributes:
      rss: what is resident, files that it shares with others included.
      pss: the same, with of each page that is shared its part; this falls when a neighbour maps the same file.
      anonymous: what it has allocated; no neighbour changes that.
    """

    requests: int
    rss: float
    pss: float
    anonymous: float


@dataclass
class Report:
    """What came of a soak.

    Attributes:
      failures: what was answered otherwise than it should be, and how often.
      memory: at the start and after each tenth of the requests.
    """

    requests: int = 0
    seconds: float = 0.0
    versions: int = 1
    failures: Counter[str] = field(default_factory=Counter)
    memory: list[Memory] = field(default_factory=list)

    def slope(self, of: str) -> float:
        """Returns by how many MiB in a million requests a line through the memory rises, after the first tenths."""
        settled = self.memory[SETTLED:]
        requests = [one.requests / 1e6 for one in settled]
        return float(np.polyfit(requests, [getattr(one, of) for one in settled], 1)[0])

    def as_json(self) -> dict[str, Any]:
        """Returns the report as `main` prints it."""
        return {
            "requests": self.requests,
            "requests_per_second": round(self.requests / self.seconds),
            "failures": sum(self.failures.values()),
            "failures_by_kind": dict(self.failures),
            "versions": self.versions,
            "memory_mib": [vars(one) for one in self.memory],
            "slope_mib_per_million": {of: round(self.slope(of), 2) for of in ("rss", "pss", "anonymous")},
        }


def main() -> None:
    """Soaks a server of its own, and prints what came out."""
    parser = argparse.ArgumentParser(description="a model server's memory over very many requests")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("flags", nargs="*", help="further flags of the server, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder, MODEL)
        half_plus_two(base / "1")
        flags = (f"--model_name={MODEL}", f"--model_base_path={base}", *arguments.flags)
        with serving(Path(folder, "log"), *flags) as server:
            report = run(server.wait_until_open(), base, arguments.requests, arguments.in_flight)
    print(json.dumps(report.as_json(), indent=2))


def run(server: Running, base: Path, requests: int, in_flight: int = 32) -> Report:
    """Sends so many requests to a server of one model with a version 1 in `base`, and returns what came of it."""
    return uvloop.run(_Soak(server, base, requests).soaked(in_flight))


def memory(pid: int, requests: int) -> Memory:
    """Returns what a process holds now (proc_pid_smaps(5))."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]
    found = {line.split(":")[0]: round(int(line.split()[1]) / KIB_PER_MIB, 1) for line in lines}
    return Memory(requests, found["Rss"], found["Pss"], found["Anonymous"])


class _Soak:
    """The requests, and what came of them so far."""

    def __init__(self, server: Running, base: Path, requests: int) -> None:
        self._server, self._base, self._requests = server, base, requests
        self._numbers: Iterator[int] = iter(range(requests))
        self._done = count(1)
        self._report = Report(requests)
        self._good, self._wrong = _request(), _request("no_such_signature")

    async def soaked(self, in_flight: int) -> Report:
        began = time.monotonic()
        self._measure(0)
        async with grpc.aio.insecure_channel(self._server.grpc) as channel, asyncio.TaskGroup() as group:
            call = channel.unary_unary(PREDICT)
            for _ in range(in_flight):
                group.create_task(self._ask(call))
        self._report.seconds = time.monotonic() - began
        return self._report

    async def _ask(self, call: Any) -> None:
        host, _, port = self._server.rest.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in self._numbers:
            try:
                if number % REST_EVERY == 0:
                    failure = await self._rest(number, reader, writer)
                else:
                    failure = await self._grpc(number, call)
            except (grpc.RpcError, OSError, asyncio.IncompleteReadError) as error:
                failure = f"{type(error).__name__}: {error}"
                if isinstance(error, OSError | asyncio.IncompleteReadError):
                    reader, writer = await asyncio.open_connection(host, int(port))
            if failure:
                self._report.failures[failure] += 1
            self._count(next(self._done))
        writer.close()

    async def _grpc(self, number: int, call: Any) -> str:
        if number % WRONG_EVERY != 1:
            answer = predict_pb2.PredictResponse.FromString(await call(self._good))
            y, version = list(answer.outputs["y"].float_val), answer.model_spec.version.value
            right = y == [3.0] and 1 <= version <= self._report.versions
            return "" if right else f"gRPC answered {y} of version {version}"
        try:
            await call(self._wrong)
        except grpc.aio.AioRpcError as error:
            return "" if error.code() == StatusCode.FAILED_PRECONDITION else f"a wrong request got {error.code()}"
        return "a wrong gRPC request was answered"

    async def _rest(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        is_wrong = number % WRONG_EVERY == 0
        body = b'{"instances": [2.0' + (b"" if is_wrong else b"]}")
        head = f"POST /v1/models/{MODEL}:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        headers = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(headers.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = json.loads(await reader.readexactly(length))
        status = int(headers.split(b" ", 2)[1])
        right = status == (400 if is_wrong else 200) and (is_wrong or answer == {"predictions": [3.0]})
        return "" if right else f"REST answered {status} {answer}"

    def _count(self, done: int) -> None:
        if done % max(1, self._requests // TENTHS) == 0:
            self._measure(done)
        if done % max(1, self._requests // VERSIONS) == 0 and done < self._requests:
            self._publish()

    def _measure(self, done: int) -> None:
        self._report.memory.append(memory(self._server.process.pid, done))
        print(f"{done} requests: {self._report.memory[-1]}", file=sys.stderr, flush=True)

    def _publish(self) -> None:
        last = self._report.versions
        shutil.copytree(self._base / str(last), self._base / ".incoming")
        self._report.versions = last + 1
        (self._base / ".incoming").rename(self._base / str(last + 1))
        shutil.rmtree(self._base / str(last - 1), ignore_errors=True)


def _request(signature: str = "") -> bytes:
    message: bytes = predict_request(spec(MODEL, signature=signature), {"x": [2.0]}).SerializeToString()
    return message


if __name__ == "__main__":
    main()
