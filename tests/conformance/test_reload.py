"""HandleReloadConfigRequest, and version labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from tensorflow_serving.apis import model_management_pb2

from tests.conformance.configs import model_config
from tests.conformance.conftest import Serve
from tests.conformance.grpc_api import Failure, Grpc, failure, predict_request, reload_request, spec
from tests.conformance.models import broken, half_plus_two
from tests.conformance.rest import Rest
from tests.conformance.shelf import Shelf
from tests.conformance.waiting import eventually

INVALID = StatusCode.INVALID_ARGUMENT
NO_CONFIG = (
    "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported"
)


@pytest.fixture
def reload_fails(grpc_api: Grpc, shelf: Shelf, serve: Serve) -> Iterator[Callable[..., Failure]]:
    """Tells what a reload of the shelf's models and others fails with."""

    def reload(*configs: Any) -> Failure:
        return failure(grpc_api.reload, reload_request([*shelf.configs(), *configs]))

    yield reload
    serve()


@pytest.fixture
def versions(base_path: Path) -> Path:
    """Versions 1 and 2, that add their numbers."""
    for version in (1, 2):
        half_plus_two(base_path / str(version), version)
    return base_path


def test_new_model_is_served_when_the_call_returns(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """The call waits for models that are new."""
    half_plus_two(base_path / "1", 7.0)
    serve(model_config(name, base_path))
    assert grpc_api.y(name, 0.0) == 7.0


def test_answer_is_ok(grpc_api: Grpc, shelf: Shelf) -> None:
    """The same configuration again is no error, and changes nothing."""
    before = grpc_api.states("versions")
    answer = grpc_api.reload(reload_request(shelf.configs()))
    assert (answer.status.error_code, answer.status.error_message) == (0, "")
    assert grpc_api.states("versions") == before


def test_omitted_model(grpc_api: Grpc, rest: Rest, serve: Serve, versions: Path, name: str) -> None:
    """A model that the new configuration leaves out is unloaded; its status stays, and it may come back."""
    serve(model_config(name, versions))
    serve()
    eventually(lambda: grpc_api.states(name) == {2: "END"}, "2 has ended")
    assert rest.post(f"{name}:predict", {"instances": [1.0]}).status == 404
    assert rest.get(f"/v1/models/{name}").json["model_version_status"][0]["state"] == "END"
    serve(model_config(name, versions))
    assert grpc_api.y(name, 0.0) == 2.0


def test_policy_changes(grpc_api: Grpc, serve: Serve, versions: Path, name: str) -> None:
    """A new policy loads what it adds and unloads what it leaves out."""
    serve(model_config(name, versions))
    serve(model_config(name, versions, "all {}"))
    eventually(lambda: grpc_api.states(name) == {2: "AVAILABLE", 1: "AVAILABLE"}, "both are served")
    serve(model_config(name, versions, "specific { versions: 1 }"))
    eventually(lambda: grpc_api.states(name) == {2: "END", 1: "AVAILABLE"}, "2 has ended")


def test_base_path_changes(grpc_api: Grpc, serve: Serve, versions: Path, tmp_path: Path, name: str) -> None:
    """A model may move to another base path."""
    serve(model_config(name, versions))
    half_plus_two(tmp_path / "other" / "aside", 5.0)
    (tmp_path / "other" / "aside").rename(tmp_path / "other" / "3")
    serve(model_config(name, tmp_path / "other"))
    eventually(lambda: grpc_api.states(name) == {3: "AVAILABLE", 2: "END"}, "3 is served")
    assert grpc_api.y(name, 0.0) == 5.0


def test_labels(grpc_api: Grpc, rest: Rest, serve: Serve, versions: Path, name: str) -> None:
    """Labels name loaded versions, move from one to another, and are gone when they are left out."""
    serve(model_config(name, versions, "all {}"))
    eventually(lambda: grpc_api.states(name) == {2: "AVAILABLE", 1: "AVAILABLE"}, "both are served")
    for labels in ({"stable": 1, "canary": 2}, {"stable": 2, "canary": 2}):
        serve(model_config(name, versions, "all {}", labels))
        assert {label: grpc_api.y(name, 0.0, label=label) for label in labels} == labels
        answers = [rest.post(f"{name}/labels/{label}:predict", {"instances": [0.0]}).json for label in labels]
        assert answers == [{"predictions": [float(version)]} for version in labels.values()]
    serve(model_config(name, versions, "all {}", {"canary": 2}))
    gone = failure(grpc_api.predict, predict_request(spec(name, label="stable"), {"x": [0.0]}))
    assert gone == (INVALID, "Unrecognized servable version label: stable")


def test_label_of_a_version_that_goes(grpc_api: Grpc, serve: Serve, base_path: Path, name: str) -> None:
    """A label outlives its version, which then is not found."""
    half_plus_two(base_path / "1", 1.0)
    serve(model_config(name, base_path))
    serve(model_config(name, base_path, "", {"stable": 1}))
    half_plus_two(base_path / "2", 2.0)
    eventually(lambda: grpc_api.states(name) == {2: "AVAILABLE", 1: "END"}, "2 is served and 1 has ended")
    gone = failure(grpc_api.predict, predict_request(spec(name, label="stable"), {"x": [0.0]}))
    assert gone == (StatusCode.NOT_FOUND, f"Servable not found for request: Specific({name}, 1)")


def test_label_to_what_is_not_loaded(
    grpc_api: Grpc, serve: Serve, reload_fails: Any, versions: Path, name: str
) -> None:
    """A label may not name a version that is not loaded; the labels that were there stay."""
    serve(model_config(name, versions))
    serve(model_config(name, versions, "", {"stable": 2}))
    refused = reload_fails(model_config(name, versions, "", {"stable": 1}))
    message = f"Request to assign label to version 1 of model {name}, which is not currently available for inference"
    assert refused == (StatusCode.FAILED_PRECONDITION, message)
    assert grpc_api.y(name, 0.0, label="stable") == 2.0


@pytest.mark.parametrize("config", ["", "custom", "no config"])
def test_no_list_of_models(grpc_api: Grpc, config: str) -> None:
    """Only a list of models can be reloaded."""
    request = model_management_pb2.ReloadConfigRequest()
    if config != "no config":
        request.config.SetInParent()
    if config == "custom":
        request.config.custom_model_config.SetInParent()
    assert failure(grpc_api.reload, request) == (INVALID, NO_CONFIG)


def test_model_twice(reload_fails: Any, versions: Path, name: str) -> None:
    """A model is listed once."""
    twice = [model_config(name, versions)] * 2
    assert reload_fails(*twice) == (INVALID, f"Illegal to list model {name} multiple times in config list")


def test_relative_path(reload_fails: Any, name: str) -> None:
    """A base path is absolute or a URI."""
    code, message = reload_fails(model_config(name, Path("models/relative")))
    assert code == INVALID
    assert message.startswith(f"Expected model {name} to have an absolute path or URI; got base_path()=models/relative")


def test_platforms(serve: Serve, reload_fails: Any, versions: Path, name: str) -> None:
    """A model's platform is one that the server has, and stays."""
    strange = model_config("strange", versions)
    strange.model_platform = "p"
    assert reload_fails(strange) == (INVALID, "Model strange requests unsupported platform p")
    serve(model_config(name, versions))
    changed = model_config(name, versions)
    changed.model_platform = "p"
    code, message = reload_fails(changed)
    assert code == INVALID
    assert message.startswith("Illegal to change a model's platform. ")


@pytest.mark.usefixtures("gives_up_at_once")
def test_model_that_cannot_be_loaded(grpc_api: Grpc, reload_fails: Any, base_path: Path, name: str) -> None:
    """The call says which version of a new model has failed, and the others go on."""
    broken(base_path / "1")
    code, message = reload_fails(model_config(name, base_path))
    assert code == StatusCode.UNKNOWN
    assert message.startswith(f"1 model(s) did not become available: {{{{{{name: {name} version: 1}} due to error: ")
    assert message.endswith((", }", "...TRUNCATED"))
    assert grpc_api.y("half_plus_two") == 3.0


def test_refused_configuration_leaves_models_alone(grpc_api: Grpc, reload_fails: Any, versions: Path) -> None:
    """A configuration that is wrong somewhere changes nothing anywhere."""
    reload_fails(model_config("good", versions), model_config("bad", Path("relative")))
    assert grpc_api.y("half_plus_two") == 3.0
    with pytest.raises(grpc.RpcError):
        grpc_api.states("good")
