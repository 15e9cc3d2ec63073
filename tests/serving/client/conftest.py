from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from serving.client import Client, Retry
from serving.client.fakes import FakeModel, grpc_server, half_plus_two, rest_server

SOON = Retry(attempts=4, first=0.001, longest=0.01)
Connect = Callable[..., Client]


@pytest.fixture
def model() -> FakeModel:
    """The model y = 0.5 x + 2, with a greeting; a name that begins with "bad" fails its batch."""
    return half_plus_two()


@pytest.fixture(params=["rest", "grpc"])
def way(request: pytest.FixtureRequest) -> str:
    """Each of the two protocols."""
    return str(request.param)


@pytest.fixture
def connect(way: str) -> Iterator[Connect]:
    """Serves a model over real sockets, and gives a client of it."""
    server = rest_server if way == "rest" else grpc_server
    client: Callable[..., Client] = Client.rest if way == "rest" else Client.grpc
    with ExitStack() as open_ones:

        def serve(served: FakeModel, **options: Any) -> Client:
            address = open_ones.enter_context(server(served))
            return open_ones.enter_context(client(address, **({"model": served.name, "retry": SOON} | options)))

        yield serve
