"""SIGTERM: what has come is answered, nothing more is taken, and the exit code is 0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.conformance.grpc_api import TIMEOUT, Grpc, failure, predict_request, spec, tensor
from tests.conformance.models import half_plus_two
from tests.conformance.processes import takes_connections
from tests.conformance.rest import Rest
from tests.conformance.waiting import eventually
from tests.serving.process.conftest import Serve
from tests.serving.process.harness import Running
from tests.serving.process.models import RELEASE, marking, marks_in, slow_to_load

REQUESTS = 3  # over REST, and as many over gRPC: what two cores work on at a time
BATCHES = "max_batch_size { value: 3 } batch_timeout_micros { value: 100000000 } num_batch_threads { value: 1 }"
QUEUED = ':penstock:serving:queue_depth{model_name="m",version="1"} 3'


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[Path]:
    """Where the model says what it works on, and waits until it may go on: at the end of the test at the latest."""
    folder = tmp_path / "marks"
    folder.mkdir()
    yield folder
    (folder / RELEASE).touch()


@contextmanager
def asked(server: Running) -> Iterator[tuple[list[Future[float]], list[Future[float]]]]:
    """Sends requests that will wait, each for another y, over REST and over gRPC."""
    api, rest = Grpc(server.grpc), Rest(server.rest)

    def over_grpc(number: int) -> float:
        inputs = {"x": [float(number)], "mark": tensor([f"g{number}"], "string")}
        (y,) = api.predict(predict_request(spec("m"), inputs), timeout=TIMEOUT).outputs["y"].float_val
        return float(y)

    def over_rest(number: int) -> float:
        answer = rest.post("m:predict", {"instances": [{"x": number, "mark": f"r{number}"}]})
        (y,) = answer.json["predictions"]
        return float(y)

    with ThreadPoolExecutor(2 * REQUESTS) as threads:
        yield tuple([threads.submit(ask, number) for number in range(REQUESTS)] for ask in (over_grpc, over_rest))  # type: ignore[misc]


@pytest.mark.parametrize("batched", [False, True], ids=["alone", "batched"])
def test_requests_in_flight(serve: Serve, tmp_path: Path, marks: Path, batched: bool) -> None:  # noqa: FBT001
    """Requests that run or wait in a queue are answered, further ones are refused on old and new connections."""
    marking(tmp_path / "m" / "1", marks)
    (tmp_path / "monitoring").write_text("prometheus_config { enable: true }")
    (tmp_path / "batches").write_text(BATCHES)
    flags = ["--model_name=m", f"--model_base_path={tmp_path / 'm'}", f"--monitoring_config_file={tmp_path}/monitoring"]
    if batched:
        flags += ["--enable_batching", f"--batching_parameters_file={tmp_path}/batches"]
    with serve(*flags) as server:
        idle, api = HTTPConnection(server.rest), Grpc(server.wait_until_open().grpc)
        metrics = Rest(server.rest)
        idle.connect()
        with asked(server) as futures:
            running = REQUESTS if batched else 2 * REQUESTS
            eventually(lambda: len(marks_in(marks)) == running, "the model is at work on them")
            if batched:
                page = "/monitoring/prometheus/metrics"
                eventually(lambda: QUEUED in metrics.get(page).body.decode(), "the others wait in the queue")
            server.process.terminate()
            server.wait_until_said("Stopping")
            eventually(lambda: not takes_connections(server.rest), "the REST port is shut")
            refused = predict_request(spec("m"), {"x": [0.0], "mark": tensor(["late"], "string")})
            for client in (api, Grpc(server.grpc)):
                assert failure(client.predict, refused)[0] == grpc.StatusCode.UNAVAILABLE
            with pytest.raises((ConnectionError, OSError)):
                late(idle)
            assert server.process.poll() is None
            (marks / RELEASE).touch()
            answers = [[one.result() for one in some] for some in futures]
        assert answers == [[2.0, 2.5, 3.0]] * 2
        assert server.process.wait(TIMEOUT) == 0
        assert "late" not in marks_in(marks)


def late(connection: HTTPConnection) -> Any:
    """Sends a request over a connection that has long been there."""
    connection.request("POST", "/v1/models/m:predict", json.dumps({"instances": [{"x": 0, "mark": "late"}]}))
    return connection.getresponse()


def test_a_request_that_does_not_end(serve: Serve, tmp_path: Path, marks: Path) -> None:
    """A request that runs on when the grace is over is given up: the server ends all the same, and says so."""
    marking(tmp_path / "m" / "1", marks)
    with serve("--model_name=m", f"--model_base_path={tmp_path / 'm'}", "--shutdown_grace_seconds=1") as server:
        server.wait_until_open()
        with asked(server) as futures:
            eventually(lambda: len(marks_in(marks)) == 2 * REQUESTS, "the model is at work on them")
            assert server.terminate() == 255
            assert all(one.exception() for some in futures for one in some)
        assert "Requests in flight have not ended in 1 seconds and are given up." in server.said()


def test_while_a_folder_is_waited_for(serve: Serve, tmp_path: Path) -> None:
    """A server that waits for a model's folder ends at once, with 0."""
    with serve("--model_name=m", f"--model_base_path={tmp_path / 'absent'}") as server:
        server.wait_until_said("Could not find base path")
        assert server.terminate() == 0


def test_while_a_model_loads(serve: Serve, tmp_path: Path, marks: Path) -> None:
    """A server whose first model takes for ever to load ends at once, with 0."""
    slow_to_load(tmp_path / "m" / "1", marks, 2.0)
    with serve("--model_name=m", f"--model_base_path={tmp_path / 'm'}") as server:
        server.wait_until(lambda: marks_in(marks) == ["loading"], "begun to load")
        assert server.terminate() == 0


def test_while_a_new_version_loads(serve: Serve, tmp_path: Path, marks: Path) -> None:
    """A server that serves, and whose next version takes for ever to load, ends with 0 too."""
    half_plus_two(tmp_path / "m" / "1")
    slow_to_load(tmp_path / "next", marks, 3.0)
    with serve("--model_name=m", f"--model_base_path={tmp_path / 'm'}") as server:
        server.wait_until_said("Successfully loaded servable version")  # its ports may not be open yet
        (tmp_path / "next").rename(tmp_path / "m" / "2")
        server.wait_until(lambda: marks_in(marks) == ["loading"], "begun to load")
        assert server.terminate() == 0
        assert "Traceback" not in server.said()
