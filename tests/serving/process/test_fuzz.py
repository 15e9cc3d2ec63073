"""Thousands of requests that nobody should send: none is answered with 500, and the server lives on."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from random import Random
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.configs import config_text
from tests.conformance.grpc_api import TIMEOUT, Grpc, examples, predict_request, regress_request, spec
from tests.conformance.models import example
from tests.conformance.rest import Rest
from tests.conformance.shelf import Shelf
from tests.serving.process import junk
from tests.serving.process.harness import Running, serving

EXAMPLES, REQUESTS = 20, 500  # 10,000 requests over REST
GRPC_EXAMPLES, GRPC_REQUESTS = 10, 200
METHODS = ("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata")
UNFORESEEN = ("Traceback", "nobody foresaw", "not foreseen")
SEEDS = st.integers(0, 2**32)
INTERNAL_BY_DESIGN = "Error parsing the request"

fuzzed = settings(max_examples=EXAMPLES, deadline=None, database=None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with the models of the conformance tests."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "models").mkdir()
    shelf = Shelf.fill(folder / "models")
    (folder / "config").write_text(config_text(shelf.configs(labelled=False)))
    with serving(folder / "log", f"--model_config_file={folder / 'config'}") as started:
        yield started.wait_until_open()


class Connection:
    """A connection that is opened again whenever the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, asked: junk.Junk) -> int | None:
        """Sends a request, and returns the status of the answer, or None for none."""
        if not asked.is_framed:
            self.close()
        is_new = self._socket is None
        try:
            return self._exchange(asked)
        except (HTTPException, ConnectionError):
            self.close()
            return None if is_new else self.ask(asked)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def _exchange(self, asked: junk.Junk) -> int:
        if self._socket is None:
            self._socket = socket.create_connection(("localhost", self._port), timeout=TIMEOUT)
        self._socket.sendall(asked.data)
        if not asked.is_framed:
            self._socket.shutdown(socket.SHUT_WR)  # no answer is waited for where the request may not be whole
        response = HTTPResponse(self._socket, method=asked.method)
        response.begin()
        response.read()
        if response.will_close or not asked.is_framed:
            self.close()
        return response.status


def lives(server: Running) -> bool:
    """Tells whether a server answers good requests over REST and gRPC, and has written of nothing unforeseen."""
    answer = Rest(server.rest).post("half_plus_two:predict", {"instances": [1.0, 2.0, 5.0]})
    said = server.said()
    is_quiet = not any(text in said for text in UNFORESEEN)
    return answer.json == {"predictions": [2.5, 3.0, 4.5]} and Grpc(server.grpc).y("half_plus_two") == 3.0 and is_quiet


def test_rest(server: Running) -> None:
    """Mutated bodies, odd targets, methods and headers, gzip bombs, chunks and what is no HTTP: never a 500."""
    statuses: Counter[int | None] = Counter()
    connection = Connection(server.ports.rest)

    @fuzzed
    @given(SEEDS)
    def ask(seed: int) -> None:
        random = Random(seed)
        for _ in range(REQUESTS):
            asked = junk.request(random)
            status = connection.ask(asked)
            statuses[status] += 1
            assert status != 500, asked.data[:2000]
            assert status or not asked.is_framed, asked.data[:2000]
        assert lives(server), server.said()[-5000:]

    ask()
    connection.close()
    assert statuses.total() >= EXAMPLES * REQUESTS
    assert {200, 400, 404} <= statuses.keys()


def test_grpc(server: Running) -> None:
    """Random bytes and mutations of good requests over gRPC: a code of the caller's fault, and the server lives on."""
    channel = grpc.insecure_channel(server.grpc)
    codes: Counter[StatusCode] = Counter()

    @settings(fuzzed, max_examples=GRPC_EXAMPLES)
    @given(SEEDS)
    def ask(seed: int) -> None:
        random = Random(seed)
        for _ in range(GRPC_REQUESTS):
            method, data = random.choice(METHODS), random.randbytes(random.randrange(100))
            if random.random() < 0.9:
                data = junk.mutated_bytes(random, random.choice(good))
            code, message = called(channel, method, data)
            codes[code] += 1
            assert code not in (StatusCode.UNKNOWN, StatusCode.UNAVAILABLE), (method, data, message)
            assert code != StatusCode.INTERNAL or message.startswith(INTERNAL_BY_DESIGN), (method, data, message)
        assert lives(server), server.said()[-5000:]

    good = [one.SerializeToString() for one in good_requests()]
    ask()
    assert {StatusCode.OK, StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND, StatusCode.INTERNAL} <= codes.keys()


def good_requests() -> list[Any]:
    """Returns requests that are answered."""
    regress = spec("half_plus_two", signature="regress_x_to_y")
    return [
        predict_request(spec("half_plus_two"), {"x": [[1.0], [2.0]]}, ["y"]),
        predict_request(spec("two_by_two", 1), {"a": [1.0], "b": [2.0]}),
        regress_request(regress, examples(example(x=1.0), context=example(x2=2.0))),
    ]


def called(channel: grpc.Channel, method: str, data: bytes) -> tuple[StatusCode, str]:
    """Returns the code and the message that some bytes come to."""
    try:
        channel.unary_unary(f"/tensorflow.serving.PredictionService/{method}")(data, timeout=TIMEOUT)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return StatusCode.OK, ""
