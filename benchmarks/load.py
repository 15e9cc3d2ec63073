"""A client that keeps a model server busy, and tells how it went.

    python -m benchmarks.load grpc|rest ADDRESS REQUEST_FILE --seconds 5 --in-flight 16 [--rate 1000]

REQUEST_FILE holds a request as it is sent: a PredictRequest's bytes, or an HTTP request. Each caller is a thread that
waits for one answer at a time. With --rate requests are due at that rate whatever becomes of those before, and their
time counts from when they were due (an open loop, so that a slow answer is not hidden by waiting for it). Prints
"measuring" when the server is warm, then one JSON object; times are in milliseconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import grpc

PREDICT = "/tensorflow.serving.PredictionService/Predict"
CHUNK = 65536
Call = Callable[[], object]
MakeCall = Callable[[], Call]  # what each caller is given


def grpc_calls(address: str, request: bytes) -> MakeCall:
    """Returns what gives a caller its call; all use one channel."""
    channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
    method = channel.unary_unary(PREDICT)
    return lambda: lambda: method(request)


def rest_calls(address: str, request: bytes) -> MakeCall:
    """Returns what gives a caller its call; each has a connection of its own."""
    host, port = address.rsplit(":", 1)

    def make_call() -> Call:
        connection = socket.create_connection((host, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def received() -> bytes:
            chunk = connection.recv(CHUNK)
            if not chunk:
                raise ConnectionError("the server has closed the connection")
            return chunk

        def call() -> None:
            connection.sendall(request)
            answer = received()
            while b"\r\n\r\n" not in answer:
                answer += received()
            head, _, body = answer.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            left = int(length.split(b":")[1]) - len(body)
            while left:
                left -= len(received())

        return call

    return make_call


CALLS = {"grpc": grpc_calls, "rest": rest_calls}


def closed_loop(seconds: float) -> Iterator[float]:
    """Yields when the next request is due: at once, until the time is over."""
    end = time.perf_counter() + seconds
    return takewhile(lambda now: now < end, iter(time.perf_counter, None))


def open_loop(rate: float, seconds: float) -> Iterator[float]:
    """Yields when the next request is due: at that rate, beginning now."""
    began = time.perf_counter()
    return (began + number / rate for number in takewhile(lambda number: number < rate * seconds, count()))


def times_of(make_call: MakeCall, callers: int, dues: Iterator[float]) -> list[float]:
    """Returns the seconds from when each request was due to its answer."""
    times: list[float] = []
    turn = threading.Lock()

    def work(call: Call) -> None:
        while True:
            with turn:
                due = next(dues, None)
            if due is None:
                return
            time.sleep(max(0.0, due - time.perf_counter()))
            call()
            times.append(time.perf_counter() - due)

    with ThreadPoolExecutor(callers) as pool:
        for caller in [pool.submit(work, make_call()) for _ in range(callers)]:
            caller.result()
    return times


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Warms the server up, and measures."""
    make_call = CALLS[arguments.kind](arguments.address, arguments.request.read_bytes())
    times_of(make_call, arguments.in_flight, closed_loop(min(1.0, arguments.seconds)))
    gc.freeze()
    print("measuring", flush=True)
    began, cpu = time.perf_counter(), time.process_time()
    dues = open_loop(arguments.rate, arguments.seconds) if arguments.rate else closed_loop(arguments.seconds)
    times = sorted(times_of(make_call, arguments.in_flight, dues))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    percentiles = {f"p{p}_ms": round(times[int(len(times) * p / 100)] * 1e3, 3) for p in (50, 95, 99)}
    whole = {"requests": len(times), "per_second": round(len(times) / took, 1)}
    return whole | percentiles | {"client_cpu_us": round(cpu / len(times) * 1e6)}


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(description="a client that keeps a model server busy")
    parser.add_argument("kind", choices=sorted(CALLS))
    parser.add_argument("address")
    parser.add_argument("request", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.0)
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
