"""gRPC: the code and the message of a call that fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from grpc import StatusCode

from tests.conformance.grpc_api import (
    Grpc,
    classify_request,
    examples,
    failure,
    metadata_request,
    multi_request,
    predict_request,
    regress_request,
    spec,
    status_request,
    tensor,
)
from tests.conformance.models import CLASSIFY, PREDICT, REGRESS, example

INVALID = StatusCode.INVALID_ARGUMENT
NOT_FOUND = StatusCode.NOT_FOUND
HALF = spec("half_plus_two")
ONE = examples(example(x=2.0))
SIZES = "input size does not match signature: 2!=1 "
NO_INPUT = (
    "Signature input alias: x(feed name: x:0) not found in request and no default value provided. "
    "Inputs expected to be in the request {k}, or default input alias set: "
)
X: dict[str, Any] = {"x": [2.0]}


@pytest.mark.parametrize(
    ("model_spec", "code", "message"),
    [
        (None, INVALID, "Missing ModelSpec"),
        (spec(), INVALID, "ModelSpec has no name specified."),
        (spec(signature="serving_default"), INVALID, "ModelSpec has no name specified."),
        (spec("nobody"), NOT_FOUND, "Servable not found for request: Latest(nobody)"),
        (spec("nobody", version=7), NOT_FOUND, "Servable not found for request: Specific(nobody, 7)"),
        (spec("half_plus_two", version=7), NOT_FOUND, "Servable not found for request: Specific(half_plus_two, 7)"),
        (spec("half_plus_two", version=0), NOT_FOUND, "Servable not found for request: Specific(half_plus_two, 0)"),
        (spec("versions", label="L"), INVALID, "Unrecognized servable version label: L"),
        (spec("half_plus_two", label="stable"), INVALID, "Unrecognized servable version label: stable"),
    ],
)
@pytest.mark.parametrize("rpc", ["predict", "classify", "regress", "metadata"])
def test_model_spec(grpc_api: Grpc, rpc: str, model_spec: Any, code: StatusCode, message: str) -> None:
    """A ModelSpec that names nothing fails alike in every call."""
    request = {
        "predict": lambda: predict_request(model_spec, X),
        "classify": lambda: classify_request(model_spec, ONE),
        "regress": lambda: regress_request(model_spec, ONE),
        "metadata": lambda: metadata_request(model_spec, "signature_def"),
    }[rpc]()
    failed, said = failure(getattr(grpc_api, rpc), request)
    assert failed == code
    if model_spec is not None or rpc in {"predict", "metadata"}:
        assert said == message


def unparsable() -> Any:
    """A TensorProto that claims a shape its numbers do not fill."""
    made = tensor([1.0, 2.0])
    made.tensor_content = b"\x00"
    return made


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            predict_request(spec("half_plus_two", signature="s"), X),
            StatusCode.FAILED_PRECONDITION,
            'Serving signature key "s" not found.',
        ),
        (
            predict_request(spec("types"), X),
            StatusCode.FAILED_PRECONDITION,
            'Serving signature key "serving_default" not found.',
        ),
        (
            predict_request(HALF, {"a": [1.0], "b": [1.0]}),
            INVALID,
            f"{SIZES}len({{a,b}}) != len({{x}}). Sent extra: {{a,b}}. Missing but required: {{x}}.",
        ),
        (
            predict_request(HALF, {"x": [1.0], "b": [1.0]}),
            INVALID,
            f"{SIZES}len({{b,x}}) != len({{x}}). Sent extra: {{b}}. Missing but required: {{}}.",
        ),
        (predict_request(HALF, {}), INVALID, None),
        (
            predict_request(HALF, {"k": [1.0]}),
            INVALID,
            NO_INPUT,
        ),
        (predict_request(HALF, {"x": unparsable()}), INVALID, "tensor parsing error: x"),
        (
            predict_request(HALF, X, ["o"]),
            INVALID,
            "output tensor alias not found in signature: o Outputs expected to be in the set {y}.",
        ),
        (predict_request(HALF, X, ["y", "y"]), INVALID, "duplicate output tensor alias: y"),
        (predict_request(HALF, {"x": np.array([True])}), INVALID, None),
        (predict_request(HALF, {"x": np.array([1], np.int32)}), INVALID, None),
        (predict_request(HALF, {"x": np.array([b"1"])}), INVALID, None),
        (predict_request(HALF, {"x": np.array([1.0], np.float64)}), INVALID, None),
        (predict_request(spec("shapes", signature="product"), {"x": [[1.0, 2.0, 3.0]]}), INVALID, None),
    ],
)
def test_predict(grpc_api: Grpc, request_: Any, code: StatusCode, message: str | None) -> None:
    """What is wrong with a PredictRequest is said in these words, but for what the graph itself finds."""
    failed, said = failure(grpc_api.predict, request_)
    assert failed == code
    assert said if message is None else said == message


@pytest.mark.parametrize(
    ("model_spec", "given", "code", "message"),
    [
        (spec("half_plus_two", signature="s"), ONE, INVALID, "No signature was found with the name: s"),
        (spec("half_plus_two", signature="{rpc}_x_to_y"), examples(), INVALID, "Input is empty."),
        (spec("half_plus_two", signature="{rpc}_x_to_y"), None, INVALID, "Input is empty."),
        (spec("half_plus_two", signature="{rpc}_x_to_y"), examples(context=example(x=2.0)), INVALID, "Input is empty."),
        (spec("half_plus_two", signature="{rpc}_x_to_y"), examples(example()), INVALID, None),
        (spec("half_plus_two", signature="{rpc}_x_to_y"), examples(example(x=b"2")), INVALID, None),
    ],
)
@pytest.mark.parametrize("rpc", ["classify", "regress"])
def test_inference(
    grpc_api: Grpc, rpc: str, model_spec: Any, given: Any, code: StatusCode, message: str | None
) -> None:
    """A signature or examples that are not there, or that the graph cannot read, are wrong arguments."""
    asked = spec(model_spec.name, signature=model_spec.signature_name.format(rpc=rpc))
    request_of = classify_request if rpc == "classify" else regress_request
    failed, said = failure(getattr(grpc_api, rpc), request_of(asked, given))
    assert failed == code
    assert said if message is None else said == message


@pytest.mark.parametrize(
    ("tasks", "code", "message"),
    [
        (
            [(spec("half_plus_two", signature="s"), REGRESS)],
            INVALID,
            "Requested signature not found in model graph: s",
        ),
        (
            [
                (spec("half_plus_two", signature="regress_x_to_y"), REGRESS),
                (spec("versions", signature="classify_x_to_y"), CLASSIFY),
            ],
            INVALID,
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
        (
            [(spec("half_plus_two", signature="regress_x_to_y"), REGRESS)] * 2,
            INVALID,
            "Duplicate evaluation of signature: regress_x_to_y",
        ),
        (
            [(spec("half_plus_two", signature="serving_default"), PREDICT)],
            StatusCode.UNIMPLEMENTED,
            "Unsupported signature method_name: ",
        ),
        (
            [(spec("nobody", signature="regress_x_to_y"), REGRESS)],
            NOT_FOUND,
            "Servable not found for request: Latest(nobody)",
        ),
        ([(spec(signature="regress_x_to_y"), REGRESS)], INVALID, "ModelSpec has no name specified."),
        (
            [(spec("versions", label="L", signature="regress_x_to_y"), REGRESS)],
            INVALID,
            "Unrecognized servable version label: L",
        ),
    ],
)
def test_multi_inference(grpc_api: Grpc, tasks: list[Any], code: StatusCode, message: str) -> None:
    """What is wrong with the tasks of a MultiInferenceRequest is said in these words."""
    failed, said = failure(grpc_api.multi_inference, multi_request(ONE, *tasks))
    assert failed == code
    assert said.startswith(message)


def test_multi_inference_of_nothing(grpc_api: Grpc) -> None:
    """No examples, or no tasks, are wrong arguments."""
    task = (spec("half_plus_two", signature="regress_x_to_y"), REGRESS)
    assert failure(grpc_api.multi_inference, multi_request(examples(), task)) == (INVALID, "Input is empty.")
    assert failure(grpc_api.multi_inference, multi_request(ONE))[0] == INVALID


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((), "GetModelMetadataRequest must specify at least one metadata_field"),
        (("f",), "Metadata field f is not supported"),
        (("signature_def", "f"), "Metadata field f is not supported"),
    ],
)
def test_metadata(grpc_api: Grpc, fields: tuple[str, ...], message: str) -> None:
    """Only signature_def can be asked for."""
    assert failure(grpc_api.metadata, metadata_request(HALF, *fields)) == (INVALID, message)


@pytest.mark.parametrize(
    ("model_spec", "message"),
    [
        (spec("nobody"), "Could not find any versions of model nobody"),
        (spec("nobody", version=9), "Could not find version 9 of model nobody"),
        (spec("half_plus_two", version=9), "Could not find version 9 of model half_plus_two"),
        (spec("half_plus_two", version=0), "Could not find version 0 of model half_plus_two"),
    ],
)
def test_status(grpc_api: Grpc, model_spec: Any, message: str) -> None:
    """A status that nobody has is not found."""
    assert failure(grpc_api.status, status_request(model_spec)) == (NOT_FOUND, message)


def test_status_without_a_spec(grpc_api: Grpc) -> None:
    """A status needs a ModelSpec."""
    assert failure(grpc_api.status, status_request(None))[0] == INVALID


def test_long_messages_are_cut_off(grpc_api: Grpc) -> None:
    """A message has 1024 characters and a word that says so."""
    message = f"Servable not found for request: Latest({'m' * 2000})"
    failed = failure(grpc_api.predict, predict_request(spec("m" * 2000), X))
    assert failed == (NOT_FOUND, f"{message[:1024]}...TRUNCATED")
