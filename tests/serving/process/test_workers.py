"""--workers: several processes on one port."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import grpc
import psutil
import pytest

from tests.conformance.configs import model_config
from tests.conformance.grpc_api import TIMEOUT, Grpc, failure, predict_request, reload_request, spec
from tests.conformance.models import half_plus_two
from tests.conformance.processes import PATIENCE
from tests.conformance.rest import Rest, exchange
from tests.serving.process.conftest import Serve
from tests.serving.process.harness import Running, serving

OPEN = "Exporting HTTP/REST API at"
WORKERS = 2
CONNECTIONS = 32  # the kernel gives all of them to the same worker once in 2^31 times
METHOD = "/tensorflow.serving.PredictionService/Predict"
PREDICT = b'{"instances": [2.0]}'
COUNT = re.compile(rb':tensorflow:serving:request_count{model_name="m",status="OK"} (\d+)')


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Two workers with a half_plus_two and metrics."""
    folder = tmp_path_factory.mktemp("workers")
    half_plus_two(folder / "m" / "1")
    (folder / "monitoring").write_text("prometheus_config { enable: true }")
    model = ("--model_name=m", f"--model_base_path={folder / 'm'}")
    return f"--workers={WORKERS}", *model, f"--monitoring_config_file={folder / 'monitoring'}"


@pytest.fixture(scope="module")
def server(flags: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that all tests but those of its end ask."""
    with serving(tmp_path_factory.mktemp("log") / "log", *flags) as started:
        yield started.wait_until_said(OPEN, WORKERS)


@contextmanager
def connections(server: Running) -> Iterator[list[HTTPConnection]]:
    """Opens many connections to the REST port."""
    with ExitStack() as opened:
        made = [HTTPConnection(server.rest, timeout=TIMEOUT) for _ in range(CONNECTIONS)]
        for one in made:
            one.connect()
            opened.callback(one.close)
        yield made


def predict(connection: HTTPConnection) -> int:
    """Asks for a prediction, and returns the status."""
    return exchange(connection, "POST", "/v1/models/m:predict", PREDICT, {}).status


def channels(server: Running) -> list[grpc.Channel]:
    """Makes gRPC channels that do not share a connection."""
    return [grpc.insecure_channel(server.grpc, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(CONNECTIONS)]


def served(worker: psutil.Process, port: int) -> int:
    """Returns how many connections to a port a worker has."""
    return sum(
        one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections("tcp")
    )


def counted(server: Running) -> int:
    """Returns how many requests the metrics say were answered."""
    found = COUNT.search(Rest(server.rest).get("/monitoring/prometheus/metrics").body)
    return int(found[1]) if found else 0


def test_all_serve(server: Running) -> None:
    """Connections to the REST port and to the gRPC port are shared out among the workers, and all are answered."""
    request = predict_request(spec("m"), {"x": [2.0]}).SerializeToString()
    clients = channels(server)
    with connections(server) as opened:
        assert [predict(one) for one in opened] == [200] * CONNECTIONS
        assert all(client.unary_unary(METHOD)(request, timeout=TIMEOUT) for client in clients)
        for port in (server.ports.rest, server.ports.grpc):
            shares = [served(worker, port) for worker in server.workers()]
            assert len(shares) == WORKERS
            assert all(shares)
            assert sum(shares) == CONNECTIONS


def test_metrics_are_summed(server: Running) -> None:
    """Whichever worker is asked, the metrics count the requests of all."""
    before = counted(server)
    with connections(server) as opened:
        assert [predict(one) for one in opened] == [200] * CONNECTIONS
    assert {counted(server) for _ in range(8)} == {before + CONNECTIONS}


def test_reload_is_refused(server: Running, tmp_path: Path) -> None:
    """HandleReloadConfigRequest would reach one worker only: it is refused, and told why and what to do."""
    code, message = failure(Grpc(server.grpc).reload, reload_request([model_config("n", tmp_path)]))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert "one of several processes" in message
    assert "--model_config_file_poll_wait_seconds" in message


def test_a_killed_worker_comes_back(server: Running) -> None:
    """While one of two workers is dead the other answers; then both do again, and what the dead one did counts."""
    count = counted(server)
    before = {worker.pid for worker in server.workers()}
    starts = server.said().count(OPEN)
    kill_one(server)
    with connections(server) as opened:
        assert [predict(one) for one in opened] == [200] * CONNECTIONS
    server.wait_until_said(OPEN, starts + 1)
    after = {worker.pid for worker in server.workers()}
    assert (len(after), len(after & before)) == (WORKERS, WORKERS - 1)
    with connections(server) as opened:
        assert [predict(one) for one in opened] == [200] * CONNECTIONS
        assert all(served(worker, server.ports.rest) for worker in server.workers())
    assert {counted(server) for _ in range(8)} == {count + 2 * CONNECTIONS}


def kill_one(server: Running) -> None:
    """Kills a worker, and returns when it is no more."""
    victim = server.workers()[0]
    victim.kill()
    victim.wait(PATIENCE)


def test_sigterm(server: Running) -> None:
    """SIGTERM to the first process ends all, each of them in order, and the exit code is 0.

    The last test of this server: it is ended here.
    """
    workers = server.workers()
    assert len(workers) == WORKERS
    assert server.terminate() == 0
    assert not any(worker.is_running() for worker in workers)
    assert server.said().count("Stopping: no more requests are taken") == WORKERS


def test_no_orphans(serve: Serve, flags: tuple[str, ...]) -> None:
    """When the first process is killed its workers end too, in order."""
    with serve(*flags) as server:
        workers = server.wait_until_said(OPEN, WORKERS).workers()
        server.kill()
        assert psutil.wait_procs(workers, PATIENCE)[1] == []
        assert server.said().count("Stopping: no more requests are taken") == WORKERS
