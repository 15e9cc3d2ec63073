"""grpc.health.v1, for clients that ask and clients that watch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health

SendResponse = Callable[[Any], None]  # None ends the stream


class HealthService(health.HealthServicer):
    """Tells how the services are; who watches them does not keep the server from stopping."""

    def __init__(self) -> None:
        super().__init__()
        self._watching: set[SendResponse] = set()

    def Watch(self, request: Any, context: grpc.ServicerContext, send_response_callback: SendResponse) -> None:
        """Sends a service's state, now and whenever it changes."""
        self._watching.add(send_response_callback)
        context.add_callback(lambda: self._watching.discard(send_response_callback))
        super().Watch(request, context, send_response_callback)

    def end(self) -> None:
        """Tells that all services have stopped, and ends the streams of those who watch."""
        self.enter_graceful_shutdown()
        for send_response in list(self._watching):
            send_response(None)
