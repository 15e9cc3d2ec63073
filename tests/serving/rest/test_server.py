"""The REST port, with a socket."""

from __future__ import annotations

import gzip
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from serving.server.metrics import Metrics
from serving.server.rest.app import RestServer
from serving.server.rest.columns import FLOAT
from serving.server.rest.fakes import FakeCore, servable, signature
from serving.server.rest.options import METRICS_PATH, RestOptions
from serving.server.servable import Array
from tests.serving.rest.models import core

Start = Callable[[FakeCore, RestOptions], RestServer]
BODY = {"instances": [1.0, 2.0]}
PREDICT = "/v1/models/half:predict"
WAIT = 20.0  # seconds that nothing should take


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers on free ports, and stops them in the end."""
    running = []

    def started(models: FakeCore, options: RestOptions) -> RestServer:
        server = RestServer(models, options, Metrics())
        server.start()
        running.append(server)
        return server

    yield started
    for server in running:
        server.stop(1)


def client(server: RestServer) -> httpx.Client:
    """A client of a server."""
    return httpx.Client(base_url=f"http://localhost:{server.port}", timeout=WAIT)


class Gate:
    """A model that waits to be let through."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Semaphore(0), threading.Event()
        self.core = FakeCore({("m", 1): servable(self._pass, signature({"x": FLOAT}, {"x": FLOAT}))})

    def _pass(self, inputs: dict[str, Array]) -> dict[str, Array]:
        self.entered.release()
        self.opened.wait(WAIT)
        return inputs


def test_requests_over_one_connection(start: Start) -> None:
    """Predictions, errors, status and metrics come over a connection that stays, with the right headers."""
    with client(start(core(), RestOptions(metrics_path=METRICS_PATH))) as http:
        predicted = http.post(PREDICT, json=BODY)
        assert predicted.json() == {"predictions": [2.5, 3.0]}
        assert predicted.headers["content-type"] == "application/json"
        assert http.post(PREDICT, content=gzip.compress(json.dumps(BODY).encode()),
                         headers={"content-encoding": "gzip"}).json() == predicted.json()  # fmt: skip
        assert http.get("/v1/models/half").json()["model_version_status"][0]["version"] == "123"
        assert http.put("/v1/models/half?a=b").json() == {"error": "Malformed request: PUT /v1/models/half?a=b"}
        assert http.get("/").headers["content-type"] == "text/html"
        assert http.head("/v1/models/half").status_code == 400
        assert ':request_count{model_name="half",status="OK"} 3' in http.get(METRICS_PATH).text


def test_a_large_body_and_a_chunked_one(start: Start) -> None:
    """Bodies of megabytes, and bodies that come in pieces, are read whole."""
    with client(start(core(), RestOptions())) as http:
        numbers = [float(number) for number in range(300_000)]
        body = json.dumps({"inputs": numbers}).encode()
        pieces = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
        for content in (body, pieces):
            assert http.post(PREDICT, content=content).json()["outputs"][-1] == numbers[-1] / 2 + 2


@pytest.mark.parametrize("target", [b"/v1/models/\xff", b"/v1/models/%ff:predict", b"*", b"/v1/a?", b"//", b"/v1/%00"])
def test_strange_targets(start: Start, target: bytes) -> None:
    """Whatever a target's bytes are, it is answered, and not as an internal error; so is the next one."""
    server = start(core(), RestOptions())
    with socket.create_connection(("localhost", server.port), WAIT) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").read().split()[1] in {b"400", b"404"}
    with client(server) as http:
        assert http.post(PREDICT, json=BODY).status_code == 200


def test_requests_do_not_wait_for_each_other(start: Start) -> None:
    """As many requests as there are threads are in a model at once."""
    gate = Gate()
    with client(start(gate.core, RestOptions(num_threads=3))) as http, ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(http.post, "/v1/models/m:predict", json=BODY) for _ in range(3)]
        for _ in asked:
            assert gate.entered.acquire(timeout=WAIT)
        gate.opened.set()
        assert [one.result().json() for one in asked] == [{"predictions": [1.0, 2.0]}] * 3


def test_a_request_that_takes_too_long(start: Start) -> None:
    """It is a 504, and health is answered even while all threads are taken."""
    gate = Gate()
    options = RestOptions(num_threads=1, timeout_in_ms=200, health=True)
    with client(start(gate.core, options)) as http:
        for _ in range(2):  # the second waits for a thread
            late = http.post("/v1/models/m:predict", json=BODY)
            assert (late.status_code, late.json()) == (504, {"error": "Timed out waiting for notification"})
        assert http.get("/healthz").status_code == 200
        gate.opened.set()


def test_stopping_waits_for_requests_that_have_come(start: Start) -> None:
    """A request in work when the server is stopped is answered; a later one finds no port."""
    gate = Gate()
    server = start(gate.core, RestOptions())
    with client(server) as http, ThreadPoolExecutor(2) as pool:
        asked = pool.submit(http.post, "/v1/models/m:predict", json=BODY)
        assert gate.entered.acquire(timeout=WAIT)
        stopped = pool.submit(server.stop, WAIT)
        refused = _refused(server.port)
        gate.opened.set()
        assert asked.result().json() == {"predictions": [1.0, 2.0]}
        stopped.result(WAIT)
        assert refused


def _refused(port: int) -> bool:
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        try:
            socket.create_connection(("localhost", port), WAIT).close()
        except ConnectionRefusedError:
            return True
        time.sleep(0.01)
    return False


def test_a_port_that_is_taken(start: Start) -> None:
    """A taken port is an error when the server starts, unless processes are to share it."""
    first = start(core(), RestOptions(reuse_port=True))
    with pytest.raises(OSError, match="in use"):
        RestServer(core(), RestOptions(port=first.port)).start()
    assert start(core(), RestOptions(port=first.port, reuse_port=True)).port == first.port


def test_tls(start: Start, tmp_path: Path) -> None:
    """With a certificate and a key it speaks TLS; a file that is no certificate is an error when it starts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    server = start(core(), RestOptions(tls_certificate=certificate, tls_key=key))
    trusted = ssl.create_default_context(cafile=str(certificate))
    answered = httpx.post(f"https://localhost:{server.port}{PREDICT}", json=BODY, verify=trusted, timeout=WAIT)
    assert answered.json() == {"predictions": [2.5, 3.0]}
    with pytest.raises(ssl.SSLError):
        RestServer(core(), RestOptions(tls_certificate=key, tls_key=key)).start()


def test_a_client_that_goes_before_it_has_asked(start: Start) -> None:
    """Half of a request disturbs nobody."""
    server = start(core(), RestOptions())
    connection = http.client.HTTPConnection("localhost", server.port, timeout=WAIT)
    connection.putrequest("POST", PREDICT)
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"{")
    connection.close()
    with client(server) as http_client:
        assert http_client.post(PREDICT, json=BODY).status_code == 200
