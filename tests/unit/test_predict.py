from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schema import contract
from serving.client.fakes import FakeModel, grpc_server, half_plus_two, rest_server
from serving.client.transport import Array
from tests.unit.samples import minimal, write
from tests.unit.test_cli import PENSTOCK, penstock

ROWS = "x,name,more\n1,a,\n3,b,1\n"
ANSWERS = [{"greeting": "hello a", "y": 2.5}, {"greeting": "hello b", "y": 3.5}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration whose model is called fake, never run, and two rows."""
    write(tmp_path / "fake.yaml", minimal(name="fake"))
    (tmp_path / "rows.csv").write_text(ROWS)
    return tmp_path


@pytest.fixture
def model() -> FakeModel:
    """The model y = 0.5 x + 2, with a greeting."""
    return half_plus_two()


def predict(folder: Path, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Returns how `predict` ends, its answers, and what it says on standard error."""
    done = penstock("predict", "fake.yaml", "--input", "rows.csv", *words, cwd=folder)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("via", ["rest", "grpc"])
def test_a_server_is_asked(folder: Path, model: FakeModel, via: str) -> None:
    """The rows of a file are answered by the model server that is named, in their order."""
    with (rest_server if via == "rest" else grpc_server)(model) as address:
        assert predict(folder, "--via", via, "--server", address) == (0, ANSWERS, "")


def test_the_server_is_where_the_configuration_has_it(folder: Path, model: FakeModel) -> None:
    """Without --server it is this machine, at the port of serving.rest_port."""
    with rest_server(model) as address:
        port = address.rpartition(":")[2]
        assert predict(folder, "--via", "rest", "--set", f"serving.rest_port={port}", "--limit", "1") == (
            0,
            ANSWERS[:1],
            "",
        )


def test_a_row_that_the_server_refuses_costs_no_other(folder: Path, model: FakeModel) -> None:
    """What does not fit, and what the graph refuses, are told in their places; the exit code is 1."""
    (folder / "rows.csv").write_text("x,name\n1,a\ntwo,b\n2,bad\n3,b\n")
    with rest_server(model) as address:
        code, answers, said = predict(folder, "--via", "rest", "--server", address)
    assert (code, said) == (1, "penstock: 2 of 4 rows got no prediction; their lines say why.\n")
    assert answers == [
        ANSWERS[0],
        {"error": "row 2: 'x' is 'two', and the model needs a number there"},
        {"error": "row 3: the graph takes no such name"},
        ANSWERS[1],
    ]


def test_the_contract_of_the_version_that_answers_is_held(folder: Path, model: FakeModel) -> None:
    """Where the pushed version lies in the work folder, its schema refuses a row before it is sent."""
    version = folder / "var" / "fake" / "serving" / "fake" / "3"
    version.mkdir(parents=True)
    features = 'feature { name: "x" type: FLOAT float_domain { max: 2 } } feature { name: "name" type: BYTES }'
    contract.write(version, text_format.Parse(features, schema_pb2.Schema()))
    with rest_server(model) as address:
        code, answers, _ = predict(folder, "--via", "rest", "--server", address)
    assert code == 1
    assert answers == [ANSWERS[0], {"error": "row 2: 'x' is 3, and the schema allows at most 2"}]
    assert model.sizes == [1]


@pytest.mark.parametrize("via", ["rest", "grpc"])
def test_nothing_that_listens_is_one_line(folder: Path, via: str) -> None:
    """It names the address and the command that starts a server, and ends with 1."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, so that nobody else takes it, and not listening
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        code, answers, said = predict(folder, "--via", via, "--server", address)
    assert (code, answers) == (1, [])
    assert said == (
        f"penstock: {address}: nothing listens there. Start a model server with penstock serve fake.yaml, or name "
        "another by --server HOST:PORT.\n"
    )


def test_a_server_without_the_model_is_told(folder: Path) -> None:
    """The server's words, and what starts one that has the model."""
    with rest_server(half_plus_two()) as address:
        code, answers, said = predict(folder, "--via", "rest", "--server", address, "--set", "serving.model_name=other")
    assert (code, answers) == (1, [])
    assert "Servable not found for request: Latest(other)" in said
    assert "penstock serve fake.yaml" in said


def test_a_header_without_any_column_of_the_model_is_refused(folder: Path, model: FakeModel) -> None:
    """A CSV with another delimiter gets one error that shows what the server's model reads, and 2."""
    (folder / "rows.csv").write_text("x;name\n1;a\n")
    with rest_server(model) as address:
        code, answers, said = predict(folder, "--via", "rest", "--server", address)
    assert (code, answers) == (2, [])
    assert "It has 'x;name'; the model reads 'name', 'x'." in said


@pytest.mark.parametrize("via", ["rest", "grpc"])
def test_a_server_that_hangs_can_be_left(folder: Path, model: FakeModel, via: str) -> None:
    """Ctrl-C ends a command that waits for answers, though its requests still have their time."""
    over = threading.Event()
    call = model.call

    def slow(signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        over.wait()
        return call(signature, inputs)

    model.call = slow
    command: list[str | Path] = [PENSTOCK, "predict", "fake.yaml", "--input", "rows.csv", "--via", via, "--server"]
    with (rest_server if via == "rest" else grpc_server)(model) as address:
        with subprocess.Popen([*command, address], cwd=folder, stderr=subprocess.PIPE, text=True) as process:
            while not model.sizes and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            said = process.communicate()[1]
        over.set()
    assert (process.returncode, said) == (1, "penstock: Stopped.\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--server", "host:1"], "--server host:1 needs --via rest or --via grpc"),
        (["--via", "rest", "--server", "ftp://host"], "'ftp://host' is no address of REST"),
        (["--via", "grpc", "--server", "host"], "'host' is no address of gRPC"),
        (["--via", "rest", "--input", "none.csv"], "there is no such file"),
    ],
)
def test_wrong_usage_ends_with_2(folder: Path, words: list[str], says: str) -> None:
    """It is told before any server is asked."""
    code, answers, said = predict(folder, *words)
    assert (code, answers) == (2, [])
    assert says in said
