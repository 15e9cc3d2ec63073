from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from serving.client import AccessDenied, Client, NoModelServer, ServerError, Unavailable
from serving.client.errors import error_of
from serving.client.fakes import Failure, FakeModel, grpc_server, rest_server
from serving.client.over_rest import RestTransport
from serving.client.transport import Array
from tests.serving.client.conftest import SOON

ROW = {"x": 1.0, "name": "n"}


def answering(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> Client:
    """A client over REST whose requests go to a function."""
    transport = RestTransport("host:8501", transport=httpx.MockTransport(answer), **options)
    return Client(transport, "fake", retry=SOON)


@contextmanager
def saying(words: bytes) -> Iterator[str]:
    """A server that says the same to everyone, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(words)
                    connection.recv(1 << 16)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_a_connection_that_breaks_is_not_asked_again(model: FakeModel) -> None:
    """A server that hangs up may have computed the answer: the request is sent once."""
    with rest_server(model) as address, Client.rest(address, "fake", retry=SOON) as client:
        client.metadata()
        model.failures = deque([Failure("DROP", "")])
        with pytest.raises(ServerError, match="the connection broke"):
            next(client.predict([ROW]))
    assert model.sizes == [1]


def test_connections_are_kept(model: FakeModel) -> None:
    """Requests after one another go over one connection."""
    callers = set()
    with rest_server(model) as address, Client.rest(address, "fake") as client:
        call = model.call

        def watched(signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
            callers.add(threading.get_ident())  # the server has a thread for each connection
            return call(signature, inputs)

        model.call = watched
        for _ in range(5):
            assert next(client.predict([ROW], timeout=10))["y"] == 2.5
    assert len(callers) == 1


def test_rest_asked_at_a_grpc_port_says_so(model: FakeModel) -> None:
    """Frames of HTTP/2 are no answer, and the error asks for the port."""
    right_port = pytest.raises(NoModelServer, match="Is this the right port")
    with grpc_server(model) as address, Client.rest(address, "fake", retry=SOON) as client, right_port:
        client.status()


def test_grpc_asked_at_a_rest_port_says_so() -> None:
    """An answer in HTTP/1 is none, and the error asks for the port."""
    right_port = pytest.raises(NoModelServer, match="Is this the right port")
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    with saying(refusal) as address, Client.grpc(address, "fake", retry=SOON) as client, right_port:
        client.status()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, "<html>Not Found</html>", NoModelServer),
        (200, "hello", NoModelServer),
        (200, "[]", NoModelServer),
        (200, "{}", NoModelServer),
        (302, "", NoModelServer),
        (503, "<html>no upstream</html>", Unavailable),
        (401, '{"error": "no token"}', AccessDenied),
        (418, '{"error": "teapot"}', ServerError),
    ],
)
def test_other_answers_are_errors_of_their_kind(status: int, body: str, kind: type[ServerError]) -> None:
    """Pages of proxies and of other servers are told from a model server's own errors."""
    client = answering(lambda _: httpx.Response(status, text=body))
    for ask in (client.status, client.metadata):
        with pytest.raises(ServerError) as raised:
            ask()
        assert type(raised.value) is kind


def test_a_token_is_sent() -> None:
    """A bearer token is in each request's header."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200, json={"model_version_status": []})

    assert answering(answer, token="secret").status() == ()  # noqa: S106  # a made-up one
    assert seen == ["Bearer secret"]


def test_a_url_may_have_a_scheme_and_a_prefix() -> None:
    """Behind a gateway a model has a longer URL."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"model_version_status": []})

    transport = RestTransport(
        "https://host/some/where/", transport=httpx.MockTransport(answer), verify=ssl.create_default_context()
    )
    Client(transport, "a b").status()
    assert seen == ["https://host/some/where/v1/models/a%20b"]


def test_an_answer_to_another_signature_is_an_error(model: FakeModel) -> None:
    """Outputs that the signature does not have are told, and no row is answered by them."""
    with rest_server(model) as address, Client.rest(address, "fake", retry=SOON) as client:
        model.call = lambda _, inputs: {"z": inputs["x"], "y": inputs["x"]}
        with pytest.raises(ServerError, match="the answer does not fit signature 'predict_columns'"):
            next(client.predict([ROW]))


@pytest.mark.parametrize("code", ["UNAVAILABLE", "NOT_FOUND", "INTERNAL", "INVALID_ARGUMENT"])
def test_an_error_says_where_what_and_what_to_do(code: str) -> None:
    """One paragraph: the address, the code, the server's words, and advice."""
    error = error_of(code, "it went wrong.", "host:1")
    assert str(error).startswith(f"host:1: {code}: it went wrong. ")
    assert str(error).endswith(error.advice)
    assert (error.code, error.message, error.address) == (code, "it went wrong.", "host:1")
