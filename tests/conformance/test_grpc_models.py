"""gRPC: GetModelStatus, GetModelMetadata, health, and what is not served."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import get_model_metadata_pb2

from tests.conformance.grpc_api import Grpc, failure, metadata_request, spec, status_request
from tests.conformance.processes import Server

SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    ("model_spec", "versions"),
    [
        (spec("half_plus_two"), [123]),
        (spec("versions"), [2, 1]),
        (spec("versions", version=1), [1]),
        (spec("versions", label="stable"), [2, 1]),
        (spec("versions", signature="nobody"), [2, 1]),
    ],
)
def test_status(grpc_api: Grpc, model_spec: Any, versions: list[int]) -> None:
    """A version has its own status; without one all are listed, the highest first."""
    found = grpc_api.status(status_request(model_spec)).model_version_status
    assert [(each.version, each.State.Name(each.state)) for each in found] == [(each, "AVAILABLE") for each in versions]
    assert all((each.status.error_code, each.status.error_message) == (0, "") for each in found)


@pytest.mark.parametrize(
    ("model_spec", "version"),
    [
        (spec("half_plus_two"), 123),
        (spec("versions"), 2),
        (spec("versions", version=1), 1),
        (spec("versions", label="stable"), 1),
        (spec("versions", signature="nobody"), 2),
    ],
)
def test_metadata(grpc_api: Grpc, model_spec: Any, version: int) -> None:
    """The answer names the model and the version, without a signature, and packs the signatures into an Any."""
    answer = grpc_api.metadata(metadata_request(model_spec, "signature_def"))
    assert answer.model_spec == spec(model_spec.name, version)
    assert list(answer.metadata) == ["signature_def"]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    serving = signatures.signature_def["serving_default"]
    assert (serving.inputs["x"].name, serving.method_name) == ("x:0", "tensorflow/serving/predict")


def health_of(server: Server, service: str) -> Any:
    """What the health service says of a service."""
    stub = health_pb2_grpc.HealthStub(Grpc(server.grpc).channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=60).status


@pytest.fixture
def health(server: Server) -> Server:
    """The server, if it has a health service."""
    try:
        health_of(server, "")
    except grpc.RpcError as error:
        if server.is_foreign and error.code() == grpc.StatusCode.UNIMPLEMENTED:
            pytest.skip("the server has no health service: start it with --enable_grpc_healthcheck_service")
        raise
    return server


@pytest.mark.parametrize("service", ["", "ModelService", "PredictionService"])
def test_health(health: Server, service: str) -> None:
    """The server as a whole, and its services by their short names, are SERVING."""
    assert health_of(health, service) == SERVING


@pytest.mark.parametrize("service", ["nobody", "tensorflow.serving.PredictionService"])
def test_health_of_unknown_services(health: Server, service: str) -> None:
    """A name that is none of these is not found, qualified ones included."""
    with pytest.raises(grpc.RpcError) as caught:
        health_of(health, service)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_no_health_by_default(plain_server: Server) -> None:
    """Without --enable_grpc_healthcheck_service there is no health service."""
    with pytest.raises(grpc.RpcError) as caught:
        health_of(plain_server, "")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "method",
    [
        "/tensorflow.serving.SessionService/SessionRun",
        "/tensorflow.serving.PredictionService/PredictStreamed",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/tensorflow.serving.PredictionService/Explain",
    ],
)
def test_what_is_not_served(grpc_api: Grpc, method: str) -> None:
    """There is no SessionService, which has a proto all the same, no streamed Predict and no reflection."""
    call = grpc_api.channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
    assert failure(call, b"")[0] == grpc.StatusCode.UNIMPLEMENTED
