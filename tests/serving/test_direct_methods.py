"""Methods answered by the threads that wait for requests, over a real port."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.message import DecodeError
from grpc import StatusCode

from serving.server.direct_methods import DirectMethods, Method
from serving.server.status import StatusError, unavailable
from tests.serving.ports import SECONDS, failure, serving

PATH = "/package.Service/Method"
CALLS = 8


def echo(data: bytes, _: float | None) -> bytes:
    """The request again."""
    return data


def raising(error: Exception) -> Method:
    """A method that fails."""

    def method(_: bytes, __: float | None) -> bytes:
        raise error

    return method


@pytest.mark.parametrize("data", [b"", b"a", bytes(5_000_000)])
def test_a_request_and_its_response(data: bytes) -> None:
    """Bytes come and go as they are, none of them and more than a window of HTTP/2."""
    with serving({PATH: echo}) as channel:
        assert channel.unary_unary(PATH)(data, timeout=SECONDS) == data


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (unavailable("come again: ä"), "UNAVAILABLE", "come again: ä"),
        (StatusError(StatusCode.DATA_LOSS, "é" * 2000), "DATA_LOSS", "é" * 1024 + "...TRUNCATED"),
        (DecodeError("at byte 3"), "INTERNAL", "Error parsing the request: at byte 3"),
        (unavailable("no UTF-8: \udcff"), "UNAVAILABLE", "no UTF-8: ?"),
        (ZeroDivisionError("nobody foresaw it"), "INTERNAL", "ZeroDivisionError: nobody foresaw it"),
    ],
)
def test_what_a_method_raises_is_the_status(error: Exception, code: str, message: str) -> None:
    """A status as it is, with a message that is cut; anything else is the server's fault."""
    with serving({PATH: raising(error)}) as channel:
        assert failure(channel.unary_unary(PATH), b"") == (code, message)


def test_a_path_that_is_not_there() -> None:
    """It is UNIMPLEMENTED, beside one that is."""
    with serving({PATH: echo}) as channel:
        assert failure(channel.unary_unary("/package.Service/Another"), b"")[0] == "UNIMPLEMENTED"
        assert channel.unary_unary(PATH)(b"a", timeout=SECONDS) == b"a"


def test_deadlines() -> None:
    """A method is told the client's, on the clock of time.monotonic; None when it has none."""
    told: list[float | None] = []

    def method(data: bytes, deadline: float | None) -> bytes:
        told.append(None if deadline is None else deadline - time.monotonic())
        return data

    with serving({PATH: method}) as channel:
        call = channel.unary_unary(PATH)
        call(b"")
        call(b"", timeout=20)
    assert told[0] is None
    assert told[1] is not None
    assert 10 < told[1] < 20.5


def test_a_client_that_sends_no_message() -> None:
    """It is told that one is required."""
    with serving({PATH: echo}) as channel:
        call = channel.stream_unary(PATH)
        assert failure(call, iter(()))[0] == "UNIMPLEMENTED"


def test_as_many_run_at_once_as_there_are_threads() -> None:
    """Eight calls of as many threads meet at a barrier for eight, five times over."""
    barrier = threading.Barrier(8)

    def method(data: bytes, _: float | None) -> bytes:
        barrier.wait(SECONDS)
        return data

    with serving({PATH: method}) as channel:
        call = channel.unary_unary(PATH)
        for _ in range(5):
            assert [future.result(SECONDS) for future in [call.future(b"a") for _ in range(8)]] == [b"a"] * 8


def test_calls_beyond_the_threads_wait() -> None:
    """Forty calls for eight threads are all answered."""

    def method(data: bytes, _: float | None) -> bytes:
        time.sleep(0.01)
        return data

    with serving({PATH: method}) as channel:
        futures = [channel.unary_unary(PATH).future(bytes([number])) for number in range(40)]
        assert [future.result(SECONDS) for future in futures] == [bytes([number]) for number in range(40)]


def test_a_client_that_goes_away_does_no_harm() -> None:
    """One that cancels a call that waits or runs, two hundred times; the next call is answered."""

    def method(data: bytes, _: float | None) -> bytes:
        time.sleep(0.003)
        return data

    with serving({PATH: method}) as channel:
        call = channel.unary_unary(PATH)
        for number in range(200):
            future = call.future(b"a")
            time.sleep(number % 5 / 1000)
            future.cancel()
        assert call(b"b", timeout=SECONDS) == b"b"


@pytest.fixture
def stopping() -> Callable[[float], set[str]]:
    """Stops a server, with so many seconds of grace, while two calls of half a second run and six wait; tells how."""

    def how(grace: float) -> set[str]:
        has_begun = threading.Event()

        def method(data: bytes, _: float | None) -> bytes:
            has_begun.set()
            time.sleep(0.5)
            return data

        server = grpc.server(ThreadPoolExecutor(1))
        direct = DirectMethods(server, {PATH: method}, 2)
        port = server.add_insecure_port("localhost:0")
        server.start()
        direct.start()
        with grpc.insecure_channel(f"localhost:{port}") as channel:
            futures = [channel.unary_unary(PATH).future(b"a") for _ in range(CALLS)]
            assert has_begun.wait(SECONDS)
            time.sleep(0.2)  # for the others to come, and to wait for a thread
            assert server.stop(grace).wait(SECONDS)
            direct.close()
            return {"answered" if each.exception(SECONDS) is None else each.code().name for each in futures}

    return how


def test_a_server_that_stops_answers_what_has_come(stopping: Callable[[float], set[str]]) -> None:
    """Calls that run and calls that wait have their answers before the server has stopped."""
    assert stopping(SECONDS) == {"answered"}


def test_a_server_that_stops_gives_up_in_the_end(stopping: Callable[[float], set[str]]) -> None:
    """Calls that are not done within the grace are cancelled."""
    assert stopping(0.1) <= {"CANCELLED", "UNAVAILABLE"}
