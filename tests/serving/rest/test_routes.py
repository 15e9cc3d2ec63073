"""What a method and a target ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.rest.routes import is_api, route
from serving.server.status import StatusError

ONE = ModelSpec(name="m")
ONE.version.value = 1


@pytest.mark.parametrize(
    ("method", "target", "action", "spec"),
    [
        ("GET", "/v1/models/m", "status", ModelSpec(name="m")),
        ("GET", "/v1/models/m/versions/1", "status", ONE),
        ("GET", "/v1/models/m/versions/1/metadata", "metadata", ONE),
        ("GET", "/v1/models/m/labels/L/metadata", "metadata", ModelSpec(name="m", version_label="L")),
        ("GET", "/v1/models/metadata", "status", ModelSpec(name="metadata")),
        ("POST", "/v1/models/m:classify", "classify", ModelSpec(name="m")),
        ("POST", "/V1/models/m/VERSIONS/1:regress", "regress", ONE),
        ("POST", "/v1/models/m/labels/a%20b:predict", "predict", ModelSpec(name="m", version_label="a b")),
        ("POST", "/v1/models/modelname%2F%3A:predict", "predict", ModelSpec(name="modelname/:")),
        ("POST", "/v1/models/a%zz:predict", "predict", ModelSpec(name="a%zz")),
        ("POST", "/v1/models/%c3%a4:predict", "predict", ModelSpec(name="ä")),
    ],
)
def test_routes(method: str, target: str, action: str, spec: ModelSpec) -> None:
    """A target names a model, and a version or a label, and what is wanted of it."""
    found = route(method, target)
    assert (found.action, found.spec) == (action, spec)


@pytest.mark.parametrize(
    "target",
    ["/v1/models/m/versions/x:predict", "/v1/models/m/versions/1/labels/L:predict", "/v1/models/:predict",
     "/v1/models/m:predict/", "/v1/models/m:export", "/v1/models/m:predict#x"],
)  # fmt: skip
def test_what_is_malformed(target: str) -> None:
    """Anything else is repeated in the message."""
    with pytest.raises(StatusError, match="Malformed request: POST /v1/"):
        route("POST", target)


@pytest.mark.parametrize("target", ["/", "/v1", "/v2/models/m", "/healthz", "", "*", "http://a/v1/x"])
def test_what_is_not_the_apis(target: str) -> None:
    """Only what begins with /v1/ is the API's business."""
    assert not is_api(target)


@given(st.integers(0, (1 << 63) - 1), st.integers(0, 30))
def test_any_int64_is_a_version(version: int, zeros: int) -> None:
    """Leading zeros do not matter."""
    assert route("GET", f"/v1/models/m/versions/{'0' * zeros}{version}").spec.version.value == version
