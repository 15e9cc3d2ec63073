"""All that the REST port answers: the API, metrics, and what operators may switch on."""

from __future__ import annotations

import hmac
import zlib
from collections.abc import Mapping

from orjson import dumps

from serving.server.metrics import Metrics
from serving.server.request_log import Logger, log_nothing
from serving.server.rest import response_json
from serving.server.rest.handler import CORS, Core, handle
from serving.server.rest.message import HTML, JSON, TEXT, Request, Response
from serving.server.rest.options import RestOptions
from serving.server.rest.routes import is_api

ALIVE, READY = "/healthz", "/readyz"
MODELS = "/v1/models"
MOST_INFLATED = 100 << 20  # bytes: ZLib::kMaxUncompressedBytes of util/net_http
GZIP = 16 + zlib.MAX_WBITS
NOT_FOUND = Response(  # libevent's own
    404,
    HTML,
    b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n",
)
UNAUTHENTICATED = Response(
    401, (*JSON, (b"www-authenticate", b"Bearer")), response_json.error("A bearer token is missing or wrong")
)


class Site:
    """Answers requests. Safe for threads."""

    def __init__(
        self, core: Core, options: RestOptions, metrics: Metrics | None = None, logger: Logger = log_nothing
    ) -> None:
        self._core = core
        self._options = options
        self._metrics = metrics
        self._logger = logger

    def is_health(self, target: str) -> bool:
        """Tells whether a target asks how the server is, which is answered at once."""
        return self._options.health and target in (ALIVE, READY)

    def respond(self, request: Request) -> Response:
        """Returns the answer to any request, its body as it came; it raises nothing."""
        options = self._options
        if self.is_health(request.target):
            return self._health(request.target)
        if options.bearer_token is not None and not _has_token(request.headers, options.bearer_token):
            return UNAUTHENTICATED
        if request.target == options.metrics_path and self._metrics is not None:
            return Response(200, TEXT, self._metrics.page())
        if options.list_models and request.method == "GET" and request.target == MODELS:
            headers = JSON + (CORS if options.enable_cors_support else ())
            return Response(200, headers, dumps({"models": [{"name": name} for name in sorted(self._core.names())]}))
        if not is_api(request.target):
            return NOT_FOUND
        if b"gzip" in request.headers.get(b"content-encoding", b""):
            request = request._replace(body=inflated(request.body))
        return handle(self._core, request, options, self._metrics, self._logger)

    def _health(self, target: str) -> Response:
        if target == ALIVE or self._core.is_ready():
            return Response(200, TEXT, b"ok\n")
        return Response(503, TEXT, b"not every model has a version that is available\n")


def inflated(body: bytes) -> bytes:
    """Returns a gzip body's content; nothing when it is none, or is larger than 100 MiB, as upstream has it."""
    stream = zlib.decompressobj(GZIP)
    try:
        content = stream.decompress(body, MOST_INFLATED)
    except zlib.error:
        return b""
    return content if stream.eof else b""


def _has_token(headers: Mapping[bytes, bytes], token: str) -> bool:
    return hmac.compare_digest(headers.get(b"authorization", b""), b"Bearer " + token.encode())
