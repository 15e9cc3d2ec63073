"""How REST requests fail: the status and the message for each, as upstream has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from grpc import StatusCode

from serving.server.rest.columns import FLOAT
from serving.server.rest.fakes import FakeCore, servable, signature
from serving.server.rest.handler import handle
from serving.server.rest.message import Request
from serving.server.servable import Array
from serving.server.status import HTTP_CODES, StatusError
from tests.serving.rest.models import OPTIONS, ask, error, predict

ROW = "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
OK = {"instances": [1.0]}


@pytest.mark.parametrize(
    ("method", "target", "status", "message"),
    [
        ("POST", "/v1/models/x:predict", 404, "Servable not found for request: Latest(x)"),
        ("POST", "/v1/models/half/versions/99:predict", 404, "Servable not found for request: Specific(half, 99)"),
        ("POST", "/v1/models/half/labels/L:predict", 400, "Unrecognized servable version label: L"),
        ("GET", "/v1/models/x/metadata", 404, "Servable not found for request: Latest(x)"),
        ("GET", "/v1/models/half/labels/L/metadata", 400, "Unrecognized servable version label: L"),
        ("GET", "/v1/models/x", 404, "Could not find any versions of model x"),
        ("GET", "/v1/models/half/versions/9", 404, "Could not find version 9 of model half"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models?x=1", 400, "Malformed request: GET /v1/models?x=1"),
        ("GET", "/v1/models/half?x=1", 404, "Could not find any versions of model half?x=1"),
        ("POST", "/v1/models/m/metadata", 400, "Malformed request: POST /v1/models/m/metadata"),
        ("POST", "/v1/models/half:PREDICT", 400, "Malformed request: POST /v1/models/half:PREDICT"),
        ("POST", "/v1/models/half:predict?x=1", 400, "Malformed request: POST /v1/models/half:predict?x=1"),
        ("PUT", "/v1/models/half", 400, "Malformed request: PUT /v1/models/half"),
        ("DELETE", "/v1/", 400, "Malformed request: DELETE /v1/"),
    ],
)
def test_what_is_not_there(method: str, target: str, status: int, message: str) -> None:
    """A model, version, label or path that is not there is named in the message."""
    assert error(ask(method, target, OK)) == (status, message)


def test_a_version_beyond_int64_is_answered_without_a_body() -> None:
    """Upstream returns before it writes the message, so the body is empty."""
    for method, verb in (("GET", ""), ("POST", ":predict")):
        response = ask(method, f"/v1/models/half/versions/18446744073709551616{verb}", OK)
        assert (response.status, response.body) == (400, b"")


@pytest.mark.parametrize("model", ["half", "x"])
@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b"[1,]", b"{'a':1}", b"\xff", b'{"a" 1}', b'{"a":1 "b":2}', b"{1:2}"]
)
def test_a_body_that_is_no_json(body: bytes, model: str) -> None:
    """What does not parse is a 400 JSON Parse error, also for a model that is not there."""
    status, message = error(predict(model, body))
    assert status == 400
    assert message.startswith("JSON Parse error: ")


def test_an_empty_body() -> None:
    """An empty body has a message of its own."""
    assert error(predict("half", b"")) == (400, "JSON Parse error: The document is empty")


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        ("half", [1, 2], "JSON Value: [\n    1,\n    2\n] Is not object"),
        ("half", 1.5, "JSON Value: 1.5 Is not object"),
        (
            "half",
            {"signature_name": 5},
            ('JSON Value: {\n    "signature_name": 5\n} not formatted correctly. '
            "'signature_name' key must be a string value."),
        ),
        ("half", {"signature_name": "s"} | OK, 'Serving signature name: "s" not found in signature def'),
        ("half", {"signature_name": "no_inputs"} | OK, "Failed to get input map for signature: no_inputs"),
        (
            "half",
            {"instances": [], "inputs": 1},
            ('JSON Value: {\n    "instances": [],\n    "inputs": 1\n} '
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "),
        ),
        ("half", {}, "Missing 'inputs' or 'instances' key"),
        (
            "half",
            {"instances": "x"},
            'JSON Value: {\n    "instances": "x"\n} Expecting \'instances\' to be an list/array',
        ),
        ("half", {"instances": []}, 'JSON Value: {\n    "instances": []\n} No values in \'instances\' array'),
        (
            "pairs",
            OK,
            ("instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"),
        ),
        (
            "pairs",
            {"inputs": [1]},
            ("inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map"),
        ),
        (
            "pairs",
            {"instances": [{"k": 1}]},
            ("Failed to process element: 0 key: k of 'instances' list. Error: INVALID_ARGUMENT: "
            "JSON object: does not have named input: k"),
        ),
        (
            "pairs",
            {"instances": [{"a": 1}]},
            ("Failed to process element: 0 of 'instances' list. "
            'JSON object: {\n    "a": 1\n} keys must be equal to: a,b'),
        ),
        (
            "pairs",
            {"instances": [{"a": 1, "b": "x"}, {"a": "y", "b": "x"}]},
            ("Failed to process element: 1 key: a of 'instances' list. Error: INVALID_ARGUMENT: "
            'JSON Value: "y" Type: String is not of expected type: float'),
        ),
        ("pairs", {"inputs": {"b": "x"}}, "Missing named input: a in 'inputs' object."),
        (
            "half",
            {"instances": [{"x": 1}, [2]]},
            "Expecting object but got list at item 1 of input list",
        ),
        ("half", {"instances": [1, {"x": 2}]}, "Expecting value/list but got object at item 1 of input list"),
        ("half", {"instances": ["x"]}, ROW + 'JSON Value: "x" Type: String is not of expected type: float'),
        ("half", {"inputs": ["x"]}, 'JSON Value: "x" Type: String is not of expected type: float'),
        ("half", {"inputs": [None]}, "JSON Value: null Type: Null is not of expected type: float"),
        ("half", {"inputs": [True]}, "JSON Value: true Type: True is not of expected type: float"),
        ("half", {"inputs": [{"b64": "YQ=="}]}, ('JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not of '
         "expected type: float")),
        ("echo", {"signature_name": "ints", "inputs": [1.0]}, ("JSON Value: 1.0 Type: Number is not of expected "
         "type: int32")),
        ("echo", {"signature_name": "ints", "inputs": [2**31]}, ("JSON Value: 2147483648 Type: Number is not of "
         "expected type: int32")),
        ("echo", {"signature_name": "longs", "inputs": [2**63]}, ("JSON Value: 9223372036854775808 Type: Number is "
         "not of expected type: int64")),
        ("echo", {"signature_name": "bools", "inputs": [1]}, ("JSON Value: 1 Type: Number is not of expected "
         "type: bool")),
        ("echo", {"signature_name": "texts", "inputs": [1]}, ("JSON Value: 1 Type: Number is not of expected "
         "type: string")),
        (
            "half",
            {"inputs": [[1, 2], [3, 4, 5]]},
            "Encountered list at unexpected size: 3 at level: 1 expected size: 2",
        ),
        ("half", {"inputs": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
        (
            "half",
            {"inputs": [[1], 2]},
            "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        (
            "half",
            {"instances": [[1, 2], [3, 4, 5]]},
            ROW.replace("0", "1", 1) + "Expecting tensor size: 2 but got: 3",
        ),
        ("half", {"instances": [1, [1]]}, ROW.replace("0", "1", 1) + "Expecting shape [] but got: [1]"),
        (
            "echo",
            {"signature_name": "texts", "inputs": [{"b": 1}]},
            'JSON Value: {\n    "b": 1\n} not formatted correctly for base64 data',
        ),
        ("echo", {"signature_name": "texts", "inputs": [{"b64": "!"}]}, "Unable to base64 decode"),
    ],
)  # fmt: skip
def test_a_predict_request_that_does_not_fit(model: str, body: Any, message: str) -> None:
    """What is wrong with a predict request is said in upstream's words, with status 400."""
    assert error(predict(model, body)) == (400, message)


def test_a_type_that_json_has_not() -> None:
    """An input of half floats is a 501 in columns, and a 400 in rows, which wrap it."""
    assert error(predict("half", {"signature_name": "half", "inputs": [1]})) == (
        501,
        "Conversion of JSON Value: 1 to type: half",
    )
    assert error(predict("half", {"signature_name": "half", "instances": [1]})) == (
        400,
        (
            "Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: "
            "Conversion of JSON Value: 1 to type: half"
        ),
    )


def test_a_default_signature_without_inputs() -> None:
    """It is called DEFAULT in the message."""
    models = FakeCore({("m", 1): servable(dict, signature({}, {}))})
    request = Request("POST", "/v1/models/m:predict", {}, b'{"instances": [1]}')
    assert error(handle(models, request, OPTIONS)) == (400, "Failed to get input map for signature: DEFAULT")


@pytest.mark.parametrize("given_as", ["instances", "inputs"])
@pytest.mark.parametrize("depth", [62, 63, 64, 65, 66, 300, 100_000])
def test_lists_nested_deeper_than_arrays_are(given_as: str, depth: int) -> None:
    """Lists of up to 64 levels are arrays; more are a 400."""
    response = predict("half", f'{{"{given_as}": {"[" * depth}1{"]" * depth}}}'.encode())
    if depth <= 64:
        assert response.status == 200
    else:
        assert error(response) == (400, MESSAGES[given_as] + "Encountered lists nested deeper than 64 levels")


MESSAGES = {"instances": ROW, "inputs": ""}
EXAMPLES = "When method is classify, key 'examples' is expected and was not found"


@pytest.mark.parametrize("verb", ["classify", "regress"])
@pytest.mark.parametrize("model", ["judges", "x"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, f"JSON Value: {{}} {EXAMPLES}"),
        ({"examples": 1}, "JSON Value: {\n    \"examples\": 1\n} Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array"),
        ({"examples": [[1]]}, "Example must be JSON object but got JSON Array"),
        ({"context": 1, "examples": [{}]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"f": None}]}, "Feature: f has element with unexpected JSON type: Null"),
        ({"examples": [{"f": [{"a": 1}]}]}, "Feature: f has element with unexpected JSON type: Object"),
        ({"examples": [{"f": [[1]]}]}, "Feature: f has element with unexpected JSON type: Array"),
        ({"examples": [{"f": [1, 2.5]}]}, "Unexpected element type in feature: f expecting type: int64"),
        ({"examples": [{"f": [1.5, "x"]}]}, "Unexpected element type in feature: f expecting type: float"),
        ({"examples": [{"f": ["x", True]}]}, "Unexpected element type in feature: f expecting type: bytes"),
        ({"examples": [{"f": 2**63}]}, "Feature: f has uint64_t element. Only int64_t is supported."),
        ({"examples": [{"f": {"b64": "!"}}]}, "Unable to base64 decode"),
    ],
)
def test_examples_that_are_none(verb: str, model: str, body: Any, message: str) -> None:
    """What is wrong with examples is said before the model is looked for."""
    assert error(ask("POST", f"/v1/models/{model}:{verb}", body)) == (400, message)


def test_a_signature_that_classify_and_regress_do_not_find() -> None:
    """A signature that is not there, or not of the kind, is a 400."""
    body = {"signature_name": "s", "examples": [{}]}
    for verb in ("classify", "regress"):
        wanted = (400, "No signature was found with the name: s")
        assert error(ask("POST", f"/v1/models/judges:{verb}", body)) == wanted


@pytest.mark.parametrize(("code", "status"), [(code, status) for code, status in HTTP_CODES.items() if status != 200])
def test_what_the_model_refuses(code: StatusCode, status: int) -> None:
    """A failure of the session keeps its message, and its code as HTTP has it."""

    def fails(inputs: dict[str, Array]) -> dict[str, Array]:
        raise StatusError(code, f"cannot take {len(inputs)}")

    models = FakeCore({("m", 1): servable(fails, signature({"x": FLOAT}, {"y": FLOAT}))})
    request = Request("POST", "/v1/models/m:predict", {}, b'{"instances": [1]}')
    assert error(handle(models, request, OPTIONS)) == (status, "cannot take 1")


def test_a_request_whose_time_is_over() -> None:
    """A request that comes to the model after its deadline is a 504."""
    models = FakeCore({("m", 1): servable(dict, signature({"x": FLOAT}, {"x": FLOAT}))})
    request = Request("POST", "/v1/models/m:predict", {}, b'{"instances": [1]}', deadline=0.0)
    assert handle(models, request, OPTIONS).status == 504


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"p": np.float32(1)}, "Tensor name: p has no shape information "),
        (
            {"p": np.zeros(2, np.float32), "q": np.zeros(3, np.float32)},
            "Tensor name: q has inconsistent batch size: 3 expecting: 2",
        ),
        ({"p": np.zeros(2, np.float16)}, "Failed to write JSON value for tensor type: half"),
        ({"p": np.zeros(2, np.uint16)}, "Failed to write JSON value for tensor type: uint16"),
        ({"p": np.zeros(2, np.complex64)}, "Failed to write JSON value for tensor type: complex64"),
    ],
)
def test_outputs_that_rows_cannot_have(outputs: dict[str, Array], message: str) -> None:
    """Outputs that are not one value a row, or of a type that JSON has not, are a 400."""
    made = {name: np.asarray(array) for name, array in outputs.items()}
    models = FakeCore({("m", 1): servable(lambda _: made, signature({"x": FLOAT}, dict.fromkeys(made, FLOAT)))})
    request = Request("POST", "/v1/models/m:predict", {}, b'{"instances": [1, 2]}')
    assert error(handle(models, request, OPTIONS)) == (400, message)


def test_json_in_a_message_is_cut() -> None:
    """A large request is repeated in a message up to 256 bytes."""
    status, message = error(predict("half", {"instances": "x" * 10_000}))
    assert status == 400
    start, end = "JSON Value: ", " Expecting 'instances' to be an list/array"
    assert message.startswith(start)
    assert message.endswith(end)
    assert len(message) == len(start) + 256 + len(end)


def test_a_failure_that_nobody_foresaw_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in the model's code is a 500 that tells the client nothing, and a line in the log."""

    def fails(inputs: dict[str, Array]) -> dict[str, Array]:
        return {"y": inputs["not there"]}

    models = FakeCore({("m", 1): servable(fails, signature({"x": FLOAT}, {"y": FLOAT}))})
    request = Request("POST", "/v1/models/m:predict", {}, b'{"instances": [1]}')
    assert error(handle(models, request, OPTIONS)) == (500, "Internal error")
    assert "not there" in caplog.text
