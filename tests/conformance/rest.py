"""A REST client that sends exactly what it is told to: raw targets, odd methods, bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Answer:
    """What a server answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed; bytes that are no UTF-8 become lone surrogates."""
        return json.loads(self.body.decode(errors="surrogateescape"))

    @property
    def text(self) -> str:
        """The body without white space, for what parsing would hide."""
        return squeeze(self.body.decode(errors="surrogateescape"))

    @property
    def error(self) -> str:
        """The message of an answer that is an error and nothing else."""
        assert list(self.json) == ["error"], self.body
        message: str = self.json["error"]
        return message


class Rest:
    """Asks one server, over a new connection each time."""

    def __init__(self, address: str) -> None:
        self._address = address

    def connect(self) -> HTTPConnection:
        """Returns a connection of the caller's own."""
        return HTTPConnection(self._address, timeout=TIMEOUT)

    def ask(self, method: str, target: str, body: Any = b"", **headers: str) -> Answer:
        """Sends a request; `body` is sent as it is if it is bytes or text, else as JSON, and _ in names is -."""
        sent = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        connection = self.connect()
        try:
            return exchange(connection, method, target, sent, headers)
        finally:
            connection.close()

    def get(self, target: str, **headers: str) -> Answer:
        """Asks for what a target names."""
        return self.ask("GET", target, **headers)

    def post(self, target: str, body: Any, **headers: str) -> Answer:
        """Asks a model, by `target` below /v1/models/."""
        return self.ask("POST", f"/v1/models/{target}", body, **headers)


def exchange(connection: HTTPConnection, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Sends one request over a connection, with no header but Host, Content-Length and those given."""
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if body or method == "POST":
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def squeeze(text: str) -> str:
    """Returns a text without white space: servers print JSON as they like."""
    return re.sub(r"\s", "", text)
