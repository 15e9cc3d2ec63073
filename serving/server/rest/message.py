"""A request and an answer, without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]
JSON: Headers = ((b"content-type", b"application/json"),)
TEXT: Headers = ((b"content-type", b"text/plain"),)
HTML: Headers = ((b"content-type", b"text/html"),)


class Request(NamedTuple):
    """An HTTP request.

    Attributes:
      target: path and query as they came, not decoded.
      headers: names in lower case.
      body: as it is meant, not compressed.
      deadline: in the seconds of time.monotonic(), by when it should be answered.
    """

    method: str
    target: str
    headers: Mapping[bytes, bytes] = {}
    body: bytes = b""
    deadline: float | None = None


class Response(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: Headers = ()
    body: bytes = b""
