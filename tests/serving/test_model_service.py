"""What is loaded, told and changed over a real port by the official stubs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig

from serving.server.grpc_services import ModelService
from serving.server.lifecycle.core import Core, CoreOptions
from serving.server.lifecycle.fakes import FakeLoad
from tests.serving.lifecycle.worlds import Disk
from tests.serving.ports import SECONDS, failure, serving


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """Version 1 of m, loaded by nothing; n is on disk."""
    disk = Disk(tmp_path)
    disk.add("m", 1)
    disk.add("n", 2)
    core = Core(FakeLoad(), CoreOptions(file_system_poll_wait_seconds=0.01, max_num_load_retries=0))
    core.start(disk.config("m"))
    yield core
    core.stop()


@pytest.fixture
def models(core: Core) -> Iterator[Callable[..., Any]]:
    """Clients of ModelService."""
    running = ExitStack()

    def stub(**options: Any) -> Any:
        service = ModelService(core, **options)
        add = partial(model_service_pb2_grpc.add_ModelServiceServicer_to_server, service)
        return model_service_pb2_grpc.ModelServiceStub(running.enter_context(serving({}, add)))

    with running:
        yield stub


def status_request(name: str, version: int | None = None, label: str = "") -> Any:
    """A GetModelStatus."""
    request = GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    elif label:
        request.model_spec.version_label = label
    return request


@pytest.mark.parametrize("asked", [{}, {"version": 1}, {"label": "none"}])
def test_status(models: Callable[..., Any], asked: dict[str, Any]) -> None:
    """A version that is loaded is AVAILABLE; a label is not looked at."""
    (status,) = models().GetModelStatus(status_request("m", **asked), timeout=SECONDS).model_version_status
    assert (status.version, status.State.Name(status.state), status.status.error_code) == (1, "AVAILABLE", 0)


def test_status_of_what_is_not_there(models: Callable[..., Any]) -> None:
    """Unknown models and versions are NOT_FOUND; a request without a spec is wrong."""
    stub = models()
    assert failure(stub.GetModelStatus, status_request("x")) == (
        "NOT_FOUND",
        "Could not find any versions of model x",
    )
    assert failure(stub.GetModelStatus, status_request("m", 9)) == ("NOT_FOUND", "Could not find version 9 of model m")
    assert failure(stub.GetModelStatus, GetModelStatusRequest()) == ("INVALID_ARGUMENT", "Missing ModelSpec")


def reload_request(disk: Path, *names: str) -> Any:
    """A HandleReloadConfigRequest of these models."""
    request = ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    for name in names:
        config = ModelConfig(name=name, base_path=str(disk / name), model_platform="tensorflow")
        request.config.model_config_list.config.append(config)
    return request


def test_reload(models: Callable[..., Any], core: Core, tmp_path: Path) -> None:
    """When it has answered, the new model can be called."""
    answer = models().HandleReloadConfigRequest(reload_request(tmp_path, "m", "n"), timeout=SECONDS)
    assert answer.status.error_code == 0
    assert sorted(core.names()) == ["m", "n"]
    assert core.is_ready()


def test_reloads_that_are_refused(models: Callable[..., Any], core: Core, tmp_path: Path) -> None:
    """An empty one, one of a model twice, and any of one of several processes; the models stay as they were."""
    only_lists = (
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported"
    )
    assert failure(models().HandleReloadConfigRequest, ReloadConfigRequest()) == ("INVALID_ARGUMENT", only_lists)
    custom = ReloadConfigRequest()
    custom.config.custom_model_config.SetInParent()
    assert failure(models().HandleReloadConfigRequest, custom) == ("INVALID_ARGUMENT", only_lists)
    assert failure(models().HandleReloadConfigRequest, reload_request(tmp_path, "m", "m")) == (
        "INVALID_ARGUMENT",
        "Illegal to list model m multiple times in config list",
    )
    one_of_several = models(reloads=False).HandleReloadConfigRequest
    code, message = failure(one_of_several, reload_request(tmp_path, "n"))
    assert code == "FAILED_PRECONDITION"
    assert "--model_config_file_poll_wait_seconds" in message
    assert core.names() == ["m"]
