"""The server that is held against the protocol: penstock-model-server, or the one that --server names.

    pytest tests/conformance --server host:port --rest-server host:port

A server that is named shares the file system with the tests, and is given the tests' models by
ModelService.HandleReloadConfigRequest in place of its own. For every test to run, start it with:

    --file_system_poll_wait_seconds=1 --max_num_load_retries=0 --enable_grpc_healthcheck_service
    --rest_api_enable_cors_support --monitoring_config_file=FILE   # prometheus_config { enable: true }

Tests that need other flags start a server of their own, and are skipped. `--server-command tensorflow_model_server`
starts that program for all tests, instead of penstock-model-server.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.configs import model_config
from tests.conformance.grpc_api import TIMEOUT, Grpc, reload_request
from tests.conformance.models import broken, half_plus_two
from tests.conformance.processes import Launch, Server, launched
from tests.conformance.rest import Rest
from tests.conformance.shelf import Shelf
from tests.conformance.waiting import eventually

FLAGS = (
    "--file_system_poll_wait_seconds=1",
    "--max_num_load_retries=0",
    "--load_retry_interval_micros=0",
    "--enable_grpc_healthcheck_service=true",
    "--rest_api_enable_cors_support=true",
)
MONITORING = "prometheus_config { enable: true }"

Launcher = Callable[..., AbstractContextManager[Launch]]
Serve = Callable[..., None]


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The models, on disk."""
    return Shelf.fill(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def launch(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    """Starts a server with flags of the test's own."""
    if pytestconfig.getoption("--server"):
        pytest.skip("a server that runs already cannot be given flags: leave --server away")
    own = Path(sys.executable).with_name("penstock-model-server")
    command = pytestconfig.getoption("--server-command") or str(own)
    return lambda *flags: launched(command, tmp_path_factory.mktemp("server") / "log", *flags)


@pytest.fixture(scope="session")
def server(shelf: Shelf, pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server that most tests ask, with the models of the shelf."""
    address = pytestconfig.getoption("--server")
    if address:
        yield _stock(Server(address, pytestconfig.getoption("--rest-server"), is_foreign=True), shelf)
        return
    monitoring = shelf.folder.with_name("monitoring.pbtxt")
    monitoring.write_text(MONITORING)
    start: Launcher = request.getfixturevalue("launch")
    with start(*FLAGS, f"--monitoring_config_file={monitoring}", *shelf.half_plus_two) as started:
        yield _stock(started.wait_until_open(), shelf)


@pytest.fixture(scope="session")
def plain_server(shelf: Shelf, launch: Launcher) -> Iterator[Server]:
    """A server with half_plus_two and no flag that is not needed."""
    with launch(*shelf.half_plus_two) as started:
        yield started.wait_until_open()


@pytest.fixture(scope="session")
def rest(server: Server) -> Rest:
    """The server's REST API."""
    if not server.rest:
        pytest.skip("the server's REST address is not known: --rest-server")
    return Rest(server.rest)


@pytest.fixture(scope="session")
def grpc_api(server: Server) -> Grpc:
    """The server's gRPC API."""
    return Grpc(server.grpc)


@pytest.fixture
def serve(grpc_api: Grpc, shelf: Shelf) -> Iterator[Serve]:
    """Reloads the server's configuration: the shelf's models and those given; at the end, the shelf's alone."""

    def reload(*configs: Any) -> None:
        grpc_api.reload(reload_request([*shelf.configs(), *configs]), timeout=TIMEOUT)

    yield reload
    reload()


@pytest.fixture
def base_path(tmp_path: Path) -> Path:
    """An empty folder for the versions of one model."""
    path = tmp_path / "model"
    path.mkdir()
    return path


@pytest.fixture
def name() -> str:
    """A model's name that no server has heard of: what was served once stays in its status."""
    return f"model_{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def gives_up_at_once(server: Server, grpc_api: Grpc, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips a test where broken versions are tried again for minutes, as stock servers do by default."""
    if not server.is_foreign:
        return
    folder = tmp_path_factory.mktemp("probe")
    half_plus_two(folder / "1")
    grpc_api.reload(reload_request([*shelf.configs(), model_config("probe", folder)]), timeout=TIMEOUT)
    broken(folder / "2")
    time.sleep(5)
    ended = grpc_api.states("probe").get(2) == "END"
    grpc_api.reload(reload_request(shelf.configs()), timeout=TIMEOUT)
    if not ended:
        pytest.skip("the server tries to load a broken version for minutes: start it with --max_num_load_retries=0")


def _stock(server: Server, shelf: Shelf) -> Server:
    """Gives the shelf's models to a server; labels in a second step, for they may name only what is loaded."""
    api = Grpc(server.grpc)
    api.reload(reload_request(shelf.configs(labelled=False)), timeout=TIMEOUT)
    served = dict.fromkeys((2, 1), "AVAILABLE")
    eventually(lambda: api.states("versions") == served, "both versions of `versions` are served")
    api.reload(reload_request(shelf.configs()), timeout=TIMEOUT)
    return server
