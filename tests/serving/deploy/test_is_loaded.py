"""The question whether a model is loaded, put by bash, as in the container, to a server that answers as told."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.serving.deploy.cases import container, rendered

pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")


class Status(BaseHTTPRequestHandler):
    """GET /v1/models/{name} as TensorFlow Serving answers it: 200 whatever the state."""

    state = ""
    asked: list[str]

    def do_GET(self) -> None:
        """Answers with the status of one version."""
        self.asked.append(self.path)
        status = {"error_code": "OK", "error_message": ""}
        body = {"model_version_status": [{"version": "42", "state": self.state, "status": status}]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body, indent=1).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
        """Keeps quiet."""


@contextmanager
def answering(state: str) -> Iterator[tuple[int, list[str]]]:
    """Gives the port of a server whose model is in a state, and what it is asked."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Status,), {"state": state, "asked": asked}))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()


def probe(port: int, name: str = "kubernetes") -> int:
    """Returns the exit code of the probe that a target has, at a port."""
    texts = rendered(name, rest_port=port)
    if name == "compose":
        command = container(texts)["healthcheck"]["test"][1:]
    else:
        command = container(texts)["readinessProbe"]["exec"]["command"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode


@pytest.mark.parametrize("name", ["kubernetes", "compose"])
def test_a_loaded_model_is_ready(name: str) -> None:
    """While a version is AVAILABLE the probe succeeds, and it has asked for this model."""
    with answering("AVAILABLE") as (port, asked):
        assert probe(port, name) == 0
    assert asked == ["/v1/models/taxi"]


@pytest.mark.parametrize("state", ["START", "LOADING", "UNLOADING", "END"])
def test_any_other_state_is_not_ready(state: str) -> None:
    """The probe fails in each other state, though the answer is HTTP 200."""
    with answering(state) as (port, asked):
        assert probe(port) != 0
    assert asked


def test_a_closed_port_is_not_ready() -> None:
    """Before the ports open, which is until the first load, the probe fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert probe(port) != 0
