"""gRPC methods on a port, and a client of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from serving.server.direct_methods import DirectMethods, Method

SECONDS = 30.0
UNLIMITED = [("grpc.max_receive_message_length", -1)]  # as the model server has it


@contextmanager
def serving(methods: Mapping[str, Method], add_others: Callable[[Any], None] | None = None) -> Iterator[Any]:
    """Runs a server of methods by path, and of what `add_others` adds to it; gives a channel to it."""
    server = grpc.server(ThreadPoolExecutor(4), options=UNLIMITED)
    direct = DirectMethods(server, methods, 8)
    if add_others:
        add_others(server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    direct.start()
    try:
        with grpc.insecure_channel(f"localhost:{port}", UNLIMITED) as channel:
            yield channel
    finally:
        server.stop(None).wait()
        direct.close()


def failure(method: Any, request: Any, timeout: float = SECONDS) -> tuple[str, str]:
    """The code and message that a call fails with."""
    with pytest.raises(grpc.RpcError) as refused:
        method(request, timeout=timeout)
    error: Any = refused.value
    return error.code().name, error.details()
