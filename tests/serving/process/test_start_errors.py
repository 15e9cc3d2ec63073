"""What keeps a server from starting: one line that says so, and an exit code that is not 0."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from schema.errors import PenstockError
from serving.server.flags import parse
from serving.server.metrics import Metrics
from serving.server.server import ModelServer
from serving.server.status import StatusError
from tests.conformance.models import broken, half_plus_two
from tests.conformance.processes import PATIENCE
from tests.serving.process.harness import Ports, Running, serving

PROGRAM = "penstock-model-server: "
FILES = {
    "model_config_file": ("model_config_list {", "Error parsing text-format tensorflow.serving.ModelServerConfig: "),
    "monitoring_config_file": ("prometheus: yes", "is no tensorflow.serving.MonitoringConfig as text"),
    "batching_parameters_file": ("max_batch_size { value: many }", "BatchingParameters"),
    "ssl_config_file": ("client_verify: true", "root certificates"),
}
CASES = {
    "grpc_port": "Port {port} cannot be listened at",
    "rest_port": "address already in use",
    "broken": "1 servable(s) did not become available: {{{name: m version: 1} due to error: ",
}


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port at which something else listens."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(scope="module")
def started(taken: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """A server for each of CASES, started all at once."""
    folder = tmp_path_factory.mktemp("errors")
    half_plus_two(folder / "good" / "1")
    broken(folder / "bad" / "1")
    good = ("--model_name=m", f"--model_base_path={folder / 'good'}")
    flags = {
        "grpc_port": good,
        "rest_port": good,
        "broken": ("--model_name=m", f"--model_base_path={folder / 'bad'}", "--max_num_load_retries=0"),
    }
    ports = {"grpc_port": Ports(grpc=taken), "rest_port": Ports(rest=taken)}
    with ExitStack() as stack:
        yield {
            case: stack.enter_context(serving(folder / f"{case}.log", *flags[case], ports=ports.get(case)))
            for case in CASES
        }


@pytest.mark.parametrize("case", CASES)
def test_one_line(started: dict[str, Running], taken: int, case: str) -> None:
    """The last line, and no other, is the program's own; it names what is wrong, and the exit code is 255."""
    assert started[case].process.wait(PATIENCE) == 255
    lines = started[case].said().splitlines()
    assert [line.startswith(PROGRAM) for line in lines].index(True) == len(lines) - 1, lines
    assert CASES[case].replace("{port}", str(taken)).lower() in lines[-1].lower()
    assert not any(line.startswith("Traceback") for line in lines)


@pytest.mark.parametrize("flag", FILES)
def test_files(tmp_path: Path, flag: str) -> None:
    """A file that is not as it should be is refused in one line, before a model is loaded."""
    text, message = FILES[flag]
    (tmp_path / "file").write_text(text)
    words = ["--model_base_path=/absent", f"--{flag}={tmp_path / 'file'}"]
    with pytest.raises((PenstockError, StatusError), match=re.escape(message)) as caught:
        ModelServer(parse([*words, "--enable_batching", "--rest_api_port=-1"]), Metrics())
    assert "\n" not in str(caught.value)
