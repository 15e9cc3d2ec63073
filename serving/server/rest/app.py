"""The REST port: an ASGI application on uvicorn's HTTP parser, with a loop and a pool of threads of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import uvicorn
import uvloop

from serving.server.metrics import Metrics
from serving.server.request_log import Logger, log_nothing
from serving.server.rest import response_json
from serving.server.rest.handler import Core
from serving.server.rest.message import JSON, Request, Response
from serving.server.rest.options import RestOptions
from serving.server.rest.site import Site

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
BACKLOG = 2048  # connections that wait to be accepted
POLL_SECONDS = 0.005
GRACE_SECONDS = 0.1  # for what gives up at the deadline by itself, and knows better why
KEEP_ALIVE_SECONDS = 75  # longer than clients' pools keep a connection, so that they never send into one that closes
TIMED_OUT = Response(HTTPStatus.GATEWAY_TIMEOUT, JSON, response_json.error("Timed out waiting for notification"))


class App:
    """Answers requests as ASGI has them, in threads so that one does not wait for another."""

    def __init__(self, site: Site, threads: ThreadPoolExecutor, timeout: float) -> None:
        self._site = site
        self._threads = threads
        self._timeout = timeout

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        if body is None:
            return
        response = await self._respond(_request(scope, body, time.monotonic() + self._timeout))
        headers = [*response.headers, (b"content-length", str(len(response.body)).encode())]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, request: Request) -> Response:
        if self._site.is_health(request.target):
            return self._site.respond(request)
        answer = asyncio.get_running_loop().run_in_executor(self._threads, self._site.respond, request)
        await asyncio.wait((answer,), timeout=self._timeout + GRACE_SECONDS)
        if answer.done():
            return answer.result()
        answer.cancel()  # it never runs if it has not begun; if it has, nobody hears what comes of it
        return TIMED_OUT


async def _body(receive: Receive) -> bytes | None:
    """Returns a request's body, or None when the client has gone."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body
    chunks = []
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
    return None


def _request(scope: dict[str, Any], body: bytes, deadline: float) -> Request:
    target: bytes = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    return Request(scope["method"], target.decode("utf-8", "surrogateescape"), dict(scope["headers"]), body, deadline)


class RestServer:
    """Serves the REST interface until it is stopped.

    Attributes:
      port: the one it listens on, from `start` on.
    """

    def __init__(
        self, core: Core, options: RestOptions, metrics: Metrics | None = None, logger: Logger = log_nothing
    ) -> None:
        self.port = options.port
        self._options = options
        self._threads = ThreadPoolExecutor(options.num_threads, "httprestserver")
        app = App(Site(core, options, metrics, logger), self._threads, options.timeout_in_ms / 1000)
        self._server = uvicorn.Server(_config(app, options))
        self._thread = threading.Thread(target=self._serve, name="rest", daemon=True)
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Listens and answers, in threads of its own.

        Raises:
          OSError: the port is not to be had, or a file of TLS is not there.
          ssl.SSLError: a file of TLS is not what it should be.
        """
        self._server.config.load()
        self._socket = _listen(self._options)
        self.port = self._socket.getsockname()[1]
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(POLL_SECONDS)

    def stop(self, grace: float) -> None:
        """Takes no more requests, and waits for those that have come, at most `grace` seconds."""
        self._server.config.timeout_graceful_shutdown = max(1, round(grace))
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _serve(self) -> None:
        assert self._socket is not None
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._server.serve(sockets=[self._socket]))


def _config(app: App, options: RestOptions) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        ssl_certfile=options.tls_certificate,
        ssl_keyfile=options.tls_key,
    )


def _listen(options: RestOptions) -> socket.socket:
    """Returns a socket that listens: on the options' host, or on all interfaces, IPv6 too where there is any."""
    if options.host:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        address = (options.host, options.port)
        return socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=options.reuse_port)
    if not socket.has_dualstack_ipv6():
        return socket.create_server(("", options.port), backlog=BACKLOG, reuse_port=options.reuse_port)
    return socket.create_server(
        ("::", options.port),
        family=socket.AF_INET6,
        backlog=BACKLOG,
        reuse_port=options.reuse_port,
        dualstack_ipv6=True,
    )
