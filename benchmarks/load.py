"""A client that keeps a model server busy, and tells how it went.

    python -m benchmarks.load grpc|rest ADDRESS REQUEST_FILE --seconds 5 --in-flight 16 [--rate 1000]

REQUEST_FILE holds a request as it is sent: a PredictRequest's bytes, or an HTTP request. With --rate requests leave at
that rate whatever becomes of those before (an open loop, so that a slow answer is not hidden by waiting for it).
Prints "measuring" when the server is warm, then one JSON object; times are in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import uvloop

PREDICT = "/tensorflow.serving.PredictionService/Predict"
Call = Callable[[], Awaitable[None]]


async def grpc_call(address: str, request: bytes) -> Call:
    """Returns what sends the request over one channel."""
    channel = grpc.aio.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
    method = channel.unary_unary(PREDICT)

    async def call() -> None:
        await method(request)

    return call


async def rest_call(address: str, request: bytes) -> Call:
    """Returns what sends the request over one of a pool of connections."""
    host, port = address.rsplit(":", 1)
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call() -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, int(port))
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        idle.append((reader, writer))

    return call


CALLS = {"grpc": grpc_call, "rest": rest_call}


async def closed_loop(call: Call, in_flight: int, seconds: float) -> list[float]:
    """Returns the seconds that each request took; each of `in_flight` callers sends one after the other."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while time.perf_counter() < end:
            began = time.perf_counter()
            await call()
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return times


async def open_loop(call: Call, rate: float, seconds: float) -> list[float]:
    """Returns the seconds from when each request was due to its answer."""
    times: list[float] = []
    began = time.perf_counter()

    async def one(due: float) -> None:
        await call()
        times.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    return times


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Warms the server up, and measures."""
    call = await CALLS[arguments.kind](arguments.address, arguments.request.read_bytes())
    await closed_loop(call, arguments.in_flight, min(1.0, arguments.seconds))
    print("measuring", flush=True)
    began, cpu = time.perf_counter(), time.process_time()
    if arguments.rate:
        times = await open_loop(call, arguments.rate, arguments.seconds)
    else:
        times = await closed_loop(call, arguments.in_flight, arguments.seconds)
    took, times = time.perf_counter() - began, sorted(times)
    percentiles = {f"p{p}_ms": round(times[int(len(times) * p / 100)] * 1e3, 3) for p in (50, 95, 99)}
    client_cpu_us = round((time.process_time() - cpu) / len(times) * 1e6)
    return (
        {"requests": len(times), "per_second": round(len(times) / took, 1)}
        | percentiles
        | {"client_cpu_us": client_cpu_us}
    )


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(description="a client that keeps a model server busy")
    parser.add_argument("kind", choices=sorted(CALLS))
    parser.add_argument("address")
    parser.add_argument("request", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.0)
    arguments = parser.parse_args()
    loop = asyncio.new_event_loop() if arguments.kind == "grpc" else uvloop.new_event_loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        print(json.dumps(runner.run(measure(arguments))))


if __name__ == "__main__":
    main()
