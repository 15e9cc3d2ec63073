"""REST: a model's signatures."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from tests.conformance.grpc_api import Grpc, metadata_request, spec
from tests.conformance.rest import Rest


def tensor_info(name: str) -> dict[str, Any]:
    """How a column of numbers is written."""
    dims = [{"size": size, "name": ""} for size in ("-1", "1")]
    return {"dtype": "DT_FLOAT", "tensor_shape": {"dim": dims, "unknown_rank": False}, "name": name}


def without_defaults(signature: dict[str, Any]) -> dict[str, Any]:
    """A signature as servers print it whose SignatureDef has no defaults yet."""
    return {name: value for name, value in signature.items() if name != "defaults" or value}


def test_envelope(rest: Rest) -> None:
    """The answer names the model and the version, and has signature_def twice."""
    answer = rest.get("/v1/models/half_plus_two/metadata").json
    assert answer["model_spec"] == {"name": "half_plus_two", "signature_name": "", "version": "123"}
    assert list(answer["metadata"]) == ["signature_def"]
    assert set(answer["metadata"]["signature_def"]["signature_def"]) >= {
        "serving_default",
        "classify_x_to_y",
        "classify_x2_to_y3",
        "regress_x_to_y",
        "regress_x_to_y2",
    }


def test_signature(rest: Rest) -> None:
    """A signature has empty fields too, sizes as texts and types as names."""
    answer = rest.get("/v1/models/half_plus_two/metadata").json
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    outputs = signature["outputs"]
    assert without_defaults(signature) == {
        "inputs": {"x": tensor_info("x:0")},
        "outputs": {"y": tensor_info(outputs["y"]["name"])},
        "method_name": "tensorflow/serving/predict",
    }


def test_input_of_any_rank(rest: Rest) -> None:
    """A placeholder of unknown rank has no dimensions, and says so."""
    answer = rest.get("/v1/models/half_plus_two/metadata").json
    signature = answer["metadata"]["signature_def"]["signature_def"]["regress_x_to_y"]
    shape = {"dim": [], "unknown_rank": True}
    assert signature["inputs"] == {"inputs": {"dtype": "DT_STRING", "tensor_shape": shape, "name": "tf_example:0"}}
    assert signature["method_name"] == "tensorflow/serving/regress"


@pytest.mark.parametrize(
    "model", ["half_plus_two", "tf2_half_plus_two", "two_by_two", "texts", "types", "counter", "classes"]
)
def test_same_as_over_grpc(rest: Rest, grpc_api: Grpc, model: str) -> None:
    """REST prints what gRPC sends."""
    packed = grpc_api.metadata(metadata_request(spec(model), "signature_def")).metadata["signature_def"]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert packed.Unpack(signatures)
    expected = json_format.MessageToDict(
        signatures, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )["signature_def"]
    printed = rest.get(f"/v1/models/{model}/metadata").json["metadata"]["signature_def"]["signature_def"]
    assert {key: without_defaults(value) for key, value in printed.items()} == {
        key: without_defaults(value) for key, value in expected.items()
    }


@pytest.mark.parametrize(
    ("target", "status", "error"),
    [
        ("nobody", 404, "Servable not found for request: Latest(nobody)"),
        ("half_plus_two/versions/9", 404, "Servable not found for request: Specific(half_plus_two, 9)"),
        ("versions/labels/nobody", 400, "Unrecognized servable version label: nobody"),
    ],
)
def test_unknown(rest: Rest, target: str, status: int, error: str) -> None:
    """A model, version or label that is not there fails as in a prediction."""
    answer = rest.get(f"/v1/models/{target}/metadata")
    assert (answer.status, answer.error) == (status, error)
