"""Requests over REST and gRPC without a pause, by clients that never try twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Any, Self

import grpc

from tests.conformance.grpc_api import TIMEOUT, Grpc, predict_request, spec
from tests.conformance.rest import exchange
from tests.serving.process.harness import Running

X = 2.0
BODY = json.dumps({"instances": [X]}).encode()


class Traffic:
    """Asks a half_plus_two for its y in threads, within a `with` block; which version answers is told by its bias.

    Attributes:
      biases: what each thread saw, in order, without repetitions.
      answers: how many requests were answered rightly by any version.
      failures: what each request that was not came to.
    """

    def __init__(self, server: Running, model: str, threads: int = 2) -> None:
        self.biases: list[list[float]] = []
        self.answers = 0
        self.failures: list[str] = []
        self._model = model
        self._stop = threading.Event()
        asks = [self._rest(server), self._grpc(server)] * threads
        self._threads = [threading.Thread(target=self._run, args=(ask,), daemon=True) for ask in asks]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def newest(self) -> set[float]:
        """The biases that the threads saw last."""
        return {seen[-1] for seen in list(self.biases) if seen}

    def _run(self, ask: Callable[[], float]) -> None:
        seen: list[float] = []
        self.biases.append(seen)
        while not self._stop.is_set():
            try:
                bias = ask() - 0.5 * X
            except (grpc.RpcError, OSError, HTTPException, AssertionError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                continue
            self.answers += 1
            if seen[-1:] != [bias]:
                seen.append(bias)

    def _rest(self, server: Running) -> Callable[[], float]:
        connections = threading.local()

        def ask() -> float:
            if not hasattr(connections, "one"):
                connections.one = HTTPConnection(server.rest, timeout=TIMEOUT)
            answer = exchange(connections.one, "POST", f"/v1/models/{self._model}:predict", BODY, {})
            assert answer.status == 200, answer
            (y,) = answer.json["predictions"]
            return float(y)

        return ask

    def _grpc(self, server: Running) -> Callable[[], float]:
        predict: Any = Grpc(server.grpc).predict
        request = predict_request(spec(self._model), {"x": [X]})

        def ask() -> float:
            (y,) = predict(request, timeout=TIMEOUT).outputs["y"].float_val
            return float(y)

        return ask
