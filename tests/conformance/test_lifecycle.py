"""Versions on disk, version policies, and what clients see while versions come and go."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode

from tests.conformance.configs import model_config
from tests.conformance.conftest import Serve
from tests.conformance.grpc_api import Grpc, failure, predict_request, spec, status_request
from tests.conformance.models import WARMUP_FILE, broken, half_plus_two, warm_half_plus_two
from tests.conformance.rest import Rest
from tests.conformance.shelf import Shelf
from tests.conformance.waiting import eventually, throughout

AVAILABLE, END = "AVAILABLE", "END"


def versions(base_path: Path, **biases: float) -> None:
    """Writes versions, v1=2.0 say, that add what they are told to."""
    for name, bias in biases.items():
        half_plus_two(base_path / name[1:], bias)


def test_latest(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """Without a policy the highest number is served, whatever else lies beside it."""
    versions(base_path, v1=1.0, v9=9.0, v10=10.0)
    (base_path / "notes").mkdir()
    (base_path / "11.bak").mkdir()
    (base_path / "README.md").write_text("no version")
    serve(model_config(name, base_path))
    assert (grpc_api.states(name), grpc_api.y(name, 0.0)) == ({10: AVAILABLE}, 10.0)


def test_leading_zeros(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """A version's name is a number, however it is written; timestamps fit."""
    versions(base_path, v00000123=1.0)
    serve(model_config(name, base_path))
    assert grpc_api.states(name) == {123: AVAILABLE}
    versions(base_path, v1795537792=2.0)
    eventually(lambda: grpc_api.states(name).get(1795537792) == AVAILABLE, "the timestamp is served")


@pytest.mark.parametrize(
    ("policy", "served"),
    [
        ("latest {}", [4]),
        ("latest { num_versions: 2 }", [4, 3]),
        ("latest { num_versions: 0 }", [4]),
        ("latest { num_versions: 9 }", [4, 3, 1]),
        ("all {}", [4, 3, 1]),
        ("specific { versions: 3 }", [3]),
        ("specific { versions: [1, 4] }", [4, 1]),
        ("specific { versions: [1, 99] }", [1]),
    ],
)
def test_policies(grpc_api: Grpc, serve: Serve, base_path: Path, policy: str, served: list[int], name: str) -> None:
    """A policy says which versions are served; a missing one among several that it names is no error."""
    versions(base_path, v1=1.0, v3=3.0, v4=4.0)
    serve(model_config(name, base_path, policy))
    eventually(lambda: grpc_api.states(name) == dict.fromkeys(served, AVAILABLE), f"{served} are served")
    assert [grpc_api.y(name, 0.0, version=version) for version in served] == [float(version) for version in served]
    assert grpc_api.y(name, 0.0) == float(max(served))


def test_new_version(grpc_api: Grpc, rest: Rest, serve: Serve, base_path: Path, name: str) -> None:
    """A version that appears takes over; the old one has ended, and stays in the status."""
    versions(base_path, v1=1.0)
    serve(model_config(name, base_path))
    versions(base_path, v2=2.0)
    eventually(lambda: grpc_api.states(name) == {2: AVAILABLE, 1: END}, "2 is served and 1 has ended")
    assert grpc_api.y(name, 0.0) == 2.0
    gone = failure(grpc_api.predict, predict_request(spec(name, version=1), {"x": [0.0]}))
    assert gone == (StatusCode.NOT_FOUND, f"Servable not found for request: Specific({name}, 1)")
    entries = rest.get(f"/v1/models/{name}").json["model_version_status"]
    assert [(entry["version"], entry["state"], entry["status"]["error_code"]) for entry in entries] == [
        ("2", AVAILABLE, "OK"),
        ("1", END, "OK"),
    ]


def test_no_request_fails_meanwhile(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """Requests for the latest version are answered all the time that a new one takes over, by one or the other."""
    versions(base_path, v1=1.0)
    serve(model_config(name, base_path))
    answers: list[float | str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answers.append(grpc_api.y(name, 0.0))
            except grpc.RpcError as error:
                answers.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        versions(base_path, v2=2.0)
        eventually(lambda: grpc_api.states(name) == {2: AVAILABLE, 1: END}, "2 is served and 1 has ended")
    finally:
        done.set()
        asking.join()
    assert sorted(set(answers), key=str) == [1.0, 2.0]
    assert answers == sorted(answers, key=str)


def test_request_in_flight(grpc_api: Grpc, serve: Serve, shelf: Shelf, base_path: Path, name: str) -> None:
    """A version that is to go is UNLOADING until it has answered what it had begun, and only then has ended."""
    shutil.copytree(shelf.folder / "slow" / "1", base_path / "1")
    serve(model_config(name, base_path))
    in_flight = grpc_api.predict.future(predict_request(spec(name), {"x": [2.0], "seconds": [5.0]}), timeout=60)
    shutil.copytree(shelf.folder / "slow" / "1", base_path / "aside")
    (base_path / "aside").rename(base_path / "2")
    eventually(lambda: grpc_api.states(name) == {2: AVAILABLE, 1: "UNLOADING"}, "2 is served and 1 is going")
    assert list(in_flight.result().outputs["y"].float_val) == [3.0]
    assert in_flight.result().model_spec.version.value == 1
    eventually(lambda: grpc_api.states(name) == {2: AVAILABLE, 1: END}, "1 has ended")


def test_version_withdrawn(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """A version whose folder goes gives way to the one before."""
    versions(base_path, v1=1.0, v2=2.0)
    serve(model_config(name, base_path))
    (base_path / "2").rename(base_path / "withdrawn")
    eventually(lambda: grpc_api.states(name) == {2: END, 1: AVAILABLE}, "1 is served again")
    assert grpc_api.y(name, 0.0) == 1.0


def test_all_versions_withdrawn(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """A base path without versions unloads them all."""
    versions(base_path, v1=1.0)
    serve(model_config(name, base_path))
    (base_path / "1").rename(base_path / "withdrawn")
    eventually(lambda: grpc_api.states(name) == {1: END}, "1 has ended")
    gone = failure(grpc_api.predict, predict_request(spec(name), {"x": [0.0]}))
    assert gone == (StatusCode.NOT_FOUND, f"Servable not found for request: Latest({name})")
    (base_path / "withdrawn").rename(base_path / "1")
    eventually(lambda: grpc_api.states(name) == {1: AVAILABLE}, "1 is served again")


def test_base_path_gone(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """A base path that is gone unloads nothing: what is loaded goes on."""
    versions(base_path, v1=1.0, v2=2.0)
    serve(model_config(name, base_path))
    base_path.rename(base_path.with_name("elsewhere"))
    (base_path.with_name("elsewhere") / "2").rename(base_path.with_name("2"))
    throughout(lambda: grpc_api.states(name) == {2: AVAILABLE}, "2 is served")
    assert grpc_api.y(name, 0.0) == 2.0
    base_path.with_name("elsewhere").rename(base_path)
    eventually(lambda: grpc_api.states(name) == {2: END, 1: AVAILABLE}, "the path is read again")


@pytest.mark.usefixtures("gives_up_at_once")
def test_failing_version(grpc_api: Grpc, rest: Rest, serve: Serve, base_path: Path, name: str) -> None:
    """A version that cannot be loaded ends with an error, while the old one serves; the next good one takes over."""
    versions(base_path, v1=1.0)
    serve(model_config(name, base_path))
    broken(base_path / "2")
    eventually(lambda: grpc_api.states(name) == {2: END, 1: AVAILABLE}, "2 has failed and 1 is served")
    assert grpc_api.y(name, 0.0) == 1.0
    failed = grpc_api.status(status_request(spec(name, version=2))).model_version_status[0].status
    assert failed.error_code != 0
    assert failed.error_message
    entry = rest.get(f"/v1/models/{name}/versions/2").json["model_version_status"][0]
    assert (entry["state"], entry["status"]["error_message"]) == (END, failed.error_message)
    assert entry["status"]["error_code"] != "OK"
    versions(base_path, v3=3.0)
    eventually(lambda: grpc_api.states(name) == {3: AVAILABLE, 2: END, 1: END}, "3 is served")


@pytest.mark.usefixtures("gives_up_at_once")
def test_failed_version_mended(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """A version that failed is tried again once it has been taken away and put back."""
    versions(base_path, v1=1.0)
    serve(model_config(name, base_path))
    broken(base_path / "2")
    eventually(lambda: grpc_api.states(name).get(2) == END, "2 has failed")
    shutil.rmtree(base_path / "2")
    serve(model_config(name, base_path, "specific { versions: 1 }"))
    versions(base_path, v2=2.0)
    serve(model_config(name, base_path))
    eventually(lambda: grpc_api.states(name) == {2: AVAILABLE, 1: END}, "2 is served")


def test_warmup(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """A version with a warm-up file is served."""
    warm_half_plus_two(base_path / "1", name)
    serve(model_config(name, base_path))
    assert grpc_api.y(name, 2.0) == 3.0


@pytest.mark.usefixtures("gives_up_at_once")
@pytest.mark.parametrize(
    ("records", "alias", "code", "message"),
    [
        (1001, "x", StatusCode.INVALID_ARGUMENT, "Number of warmup records exceeds the maximum (1000) at "),
        (1, "nobody", StatusCode.INVALID_ARGUMENT, ""),
    ],
)
def test_failing_warmup(
    grpc_api: Grpc, serve: Serve, base_path: Path, records: int, alias: str, code: StatusCode, message: str, name: str
) -> None:
    """A version whose warm-up fails, or is too long, is not served."""
    versions(base_path, v1=1.0)
    serve(model_config(name, base_path))
    warm_half_plus_two(base_path / "2", name, records, alias)
    eventually(lambda: grpc_api.states(name) == {2: END, 1: AVAILABLE}, "2 has failed and 1 is served")
    failed = grpc_api.status(status_request(spec(name, version=2))).model_version_status[0].status
    assert failed.error_code == code.value[0]
    assert message in failed.error_message


@pytest.mark.usefixtures("gives_up_at_once")
def test_warmup_file_that_is_none(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """A warm-up file must hold TFRecords; an empty one is no error."""
    versions(base_path, v1=1.0)
    serve(model_config(name, base_path))
    for version, content in (("2", b""), ("3", b"this is no TFRecord, and long enough to look at")):
        aside = base_path / f"aside-{version}"
        half_plus_two(aside)
        (aside / WARMUP_FILE).parent.mkdir()
        (aside / WARMUP_FILE).write_bytes(content)
        aside.rename(base_path / version)
        eventually(partial(has_settled, grpc_api, name, int(version)), f"{version} is served or has failed")
    assert grpc_api.states(name) == {3: END, 2: AVAILABLE, 1: END}
    failed = grpc_api.status(status_request(spec(name, version=3))).model_version_status[0].status
    assert failed.error_code == StatusCode.DATA_LOSS.value[0]
    assert "Please verify your warmup data is in TFRecord format" in failed.error_message


def has_settled(grpc_api: Grpc, name: str, version: int) -> bool:
    """Whether a version is served or has failed, and nothing is on its way."""
    states = grpc_api.states(name)
    return version in states and set(states.values()) <= {AVAILABLE, END}
