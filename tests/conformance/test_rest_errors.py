"""REST: what is answered to a request that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.rest import Rest, squeeze

IN_ROWS = "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
OTHER_KEYS = "Failed to process element: 0 of 'instances' list. JSON object: "
UNKNOWN_KEY = (
    "Failed to process element: 0 key: k of 'instances' list. "
    "Error: INVALID_ARGUMENT: JSON object: does not have named input: k"
)
ONE_OF = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
PLAIN = "is a plain {}, but expecting {} as multiple input tensors required as per tensorinfo_map"
HALF, TWO, TEXTS = "half_plus_two:predict", "two_by_two:predict", "texts:predict"
REGRESS, CLASSIFY = "half_plus_two:regress", "half_plus_two:classify"


def value(body: object, rest_of_message: str) -> str:
    """A message that echoes the JSON it complains of."""
    return f"JSON Value: {json.dumps(body)} {rest_of_message}"


def examples(*made: object, **more: object) -> dict[str, object]:
    """A body for a regression."""
    return {"signature_name": "regress_x_to_y", "examples": list(made), **more}


@pytest.mark.parametrize(
    ("target", "status", "error"),
    [
        ("nobody:predict", 404, "Servable not found for request: Latest(nobody)"),
        ("nobody:classify", 404, "Servable not found for request: Latest(nobody)"),
        ("nobody:regress", 404, "Servable not found for request: Latest(nobody)"),
        ("half_plus_two/versions/99:predict", 404, "Servable not found for request: Specific(half_plus_two, 99)"),
        ("half_plus_two/versions/0:predict", 404, "Servable not found for request: Specific(half_plus_two, 0)"),
        ("half_plus_two/versions/99:regress", 404, "Servable not found for request: Specific(half_plus_two, 99)"),
        ("versions/labels/L:predict", 400, "Unrecognized servable version label: L"),
        ("versions/labels/L:classify", 400, "Unrecognized servable version label: L"),
        ("half_plus_two/labels/stable:predict", 400, "Unrecognized servable version label: stable"),
    ],
)
def test_servable(rest: Rest, target: str, status: int, error: str) -> None:
    """A model or a version that is not there is not found; a label of no version is a wrong argument."""
    answer = rest.post(target, {"instances": [1.0], "examples": [{"x": 1.0}]})
    assert (answer.status, answer.error) == (status, error)


@pytest.mark.parametrize("target", [HALF, REGRESS, CLASSIFY])
@pytest.mark.parametrize(
    "body",
    [b"", b"   ", b"{", b"{'x': 1}", b'{"instances": [1.0,]}', b'{"instances": [1.0}', b'{"x" 1}', b'{"x": "', b"x"],
)
def test_json(rest: Rest, target: str, body: bytes) -> None:
    """A text that is not JSON is a parse error; only the empty one has a wording of its own that can be relied on."""
    answer = rest.post(target, body)
    assert answer.status == 400
    assert answer.error.startswith("JSON Parse error: ")
    if not body:
        assert answer.error.rstrip(".") == "JSON Parse error: The document is empty"


@pytest.mark.parametrize("target", [HALF, REGRESS, CLASSIFY])
@pytest.mark.parametrize("body", [[1, 2], 1, "text", None, True])
def test_top_level(rest: Rest, target: str, body: object) -> None:
    """The top level is an object."""
    answer = rest.post(target, json.dumps(body))
    assert (answer.status, squeeze(answer.error)) == (400, squeeze(value(body, "Is not object")))


@pytest.mark.parametrize("target", [HALF, REGRESS, CLASSIFY])
@pytest.mark.parametrize("name", [1, None, ["serving_default"], {}])
def test_signature_name(rest: Rest, target: str, name: object) -> None:
    """A signature's name is a text."""
    body = {"signature_name": name}
    answer = rest.post(target, body)
    message = value(body, "not formatted correctly. 'signature_name' key must be a string value.")
    assert (answer.status, squeeze(answer.error)) == (400, squeeze(message))


@pytest.mark.parametrize(
    ("target", "body", "message"),
    [
        (HALF, {"signature_name": "s", "instances": [1.0]}, 'Serving signature name: "s" not found in signature def'),
        ("types:predict", {"instances": [1.0]}, 'Serving signature name: "serving_default" not found in signature def'),
        (
            "counter:predict",
            {"signature_name": "get_counter", "inputs": {}},
            "Failed to get input map for signature: get_counter",
        ),
        (HALF, {"inputs": 1.0, "instances": [1.0]}, value({"inputs": 1.0, "instances": [1.0]}, ONE_OF)),
        (HALF, {}, "Missing 'inputs' or 'instances' key"),
        (HALF, {"Instances": [1.0]}, "Missing 'inputs' or 'instances' key"),
        (HALF, {"instances": 1.0}, value({"instances": 1.0}, "Expecting 'instances' to be an list/array")),
        (HALF, {"instances": {}}, value({"instances": {}}, "Expecting 'instances' to be an list/array")),
        (HALF, {"instances": []}, value({"instances": []}, "No values in 'instances' array")),
        (TWO, {"instances": [1.0]}, "instances " + PLAIN.format("list", "list of objects")),
        (TWO, {"inputs": [1.0]}, "inputs " + PLAIN.format("value/list", "an object")),
        (
            HALF,
            {"instances": [{"x": 1.0, "k": 1.0}]},
            UNKNOWN_KEY,
        ),
        (
            TWO,
            {"instances": [{"a": 1.0}]},
            OTHER_KEYS + '{"a": 1.0} keys must be equal to: a,b',
        ),
        (
            TWO,
            {"signature_name": "b_is_ten", "instances": [{"a": 1.0}]},
            OTHER_KEYS + '{"a": 1.0} keys must be equal to: a,b',
        ),
        (HALF, {"instances": [{}]}, OTHER_KEYS + "{} keys must be equal to: x"),
        (TWO, {"inputs": {"b": [1.0]}}, "Missing named input: a in 'inputs' object."),
        (HALF, {"inputs": {}}, "Missing named input: x in 'inputs' object."),
        (HALF, {"instances": [{"x": 1.0}, 2.0]}, "Expecting object but got list at item 1 of input list"),
        (HALF, {"instances": [1.0, {"x": 2.0}]}, "Expecting value/list but got object at item 1 of input list"),
        (HALF, {"instances": ["x"]}, IN_ROWS + 'JSON Value: "x" Type: String is not of expected type: float'),
        (HALF, {"inputs": ["x"]}, 'JSON Value: "x" Type: String is not of expected type: float'),
        (HALF, {"inputs": [None]}, "JSON Value: null Type: Null is not of expected type: float"),
        (HALF, {"inputs": [True]}, "JSON Value: true Type: True is not of expected type: float"),
        (HALF, {"inputs": [False]}, "JSON Value: false Type: False is not of expected type: float"),
        (HALF, {"inputs": [{"k": 1}]}, 'JSON Value: {"k": 1} Type: Object is not of expected type: float'),
        (HALF, {"inputs": {"x": {"k": 1}}}, 'JSON Value: {"k": 1} Type: Object is not of expected type: float'),
        (TEXTS, {"inputs": [7]}, "JSON Value: 7 Type: Number is not of expected type: string"),
        (
            "types:predict",
            {"signature_name": "int32", "inputs": [1.0]},
            "JSON Value: 1.0 Type: Number is not of expected type: int32",
        ),
        (
            "types:predict",
            {"signature_name": "bool", "inputs": [1]},
            "JSON Value: 1 Type: Number is not of expected type: bool",
        ),
        (HALF, {"inputs": [[1, 2], [3, 4, 5]]}, "Encountered list at unexpected size: 3 at level: 1 expected size: 2"),
        (HALF, {"inputs": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
        (HALF, {"inputs": [[1], 2]}, "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        (TEXTS, {"inputs": [{"b64": 1}]}, value({"b64": 1}, "not formatted correctly for base64 data")),
        (
            TEXTS,
            {"inputs": [{"b64": "A", "k": 1}]},
            value({"b64": "A", "k": 1}, "not formatted correctly for base64 data"),
        ),
        (TEXTS, {"inputs": [{"b64": "!"}]}, "Unable to base64 decode"),
        (TEXTS, {"signature_name": "plain", "instances": [{"b64": "!"}]}, IN_ROWS + "Unable to base64 decode"),
    ],
)
def test_predict(rest: Rest, target: str, body: dict[str, Any], message: str) -> None:
    """What is wrong with a predict request is said in these words."""
    answer = rest.post(target, body)
    assert (answer.status, squeeze(answer.error)) == (400, squeeze(message))


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([[1, 2], [3, 4, 5]], "Expecting tensor size: 2 but got: 3"),
        ([1, [1]], "Expecting shape [] but got: [1]"),
        ([[1], 1], "Expecting shape [1] but got: []"),
        ([[[1], [2]], [[1, 2]]], "Expecting shape [2,1] but got: [1,2]"),
        ([[[1, 2], [3]], 1], "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    ],
)
def test_rows_that_differ(rest: Rest, instances: object, message: str) -> None:
    """Rows of different shapes are refused, the element and the shapes named."""
    answer = rest.post(HALF, {"instances": instances})
    element = 0 if "Encountered" in message else 1
    prefix = IN_ROWS.replace("element: 0", f"element: {element}")
    assert (answer.status, answer.error) == (400, prefix + message)


@pytest.mark.parametrize("verb", ["classify", "regress"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, value({}, "When method is classify, key 'examples' is expected and was not found")),
        ({"examples": {}}, value({"examples": {}}, "Expecting 'examples' value to be an list/array")),
        ({"examples": 1}, value({"examples": 1}, "Expecting 'examples' value to be an list/array")),
        ({"examples": []}, value({"examples": []}, "'examples' value is an empty array")),
        ({"examples": [[1.0]]}, "Example must be JSON object but got JSON Array"),
        ({"examples": [1.0]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": 1.0}], "context": []}, "Example must be JSON object but got JSON Array"),
        ({"examples": [{"f": None}]}, "Feature: f has element with unexpected JSON type: Null"),
        ({"examples": [{"f": [None]}]}, "Feature: f has element with unexpected JSON type: Null"),
        ({"examples": [{"f": {"k": 1}}]}, "Feature: f has element with unexpected JSON type: Object"),
        ({"examples": [{"f": [[1]]}]}, "Feature: f has element with unexpected JSON type: Array"),
        ({"examples": [{"f": [1, 1.0]}]}, "Unexpected element type in feature: f expecting type: int64"),
        ({"examples": [{"f": [1.0, 1]}]}, "Unexpected element type in feature: f expecting type: float"),
        ({"examples": [{"f": ["a", True]}]}, "Unexpected element type in feature: f expecting type: bytes"),
        ({"examples": [{"f": 2**64 - 1}]}, "Feature: f has uint64_t element. Only int64_t is supported."),
        ({"signature_name": "s", "examples": [{"x": 1.0}]}, "No signature was found with the name: s"),
    ],
)
def test_classify_and_regress(rest: Rest, verb: str, body: dict[str, Any], message: str) -> None:
    """What is wrong with examples is said in these words, by regress too."""
    answer = rest.post(f"half_plus_two:{verb}", body)
    assert (answer.status, squeeze(answer.error)) == (400, squeeze(message))


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (REGRESS, examples({})),
        (REGRESS, examples({"x": [1.0, 2.0]})),
        ("shapes:predict", {"signature_name": "product", "inputs": [[1.0, 2.0, 3.0]]}),
        ("shapes:predict", {"signature_name": "product", "instances": [1.0, 2.0]}),
        (TWO, {"inputs": {"a": [1.0, 2.0], "b": [1.0, 2.0, 3.0]}}),
    ],
)
def test_graph_refuses(rest: Rest, target: str, body: dict[str, Any]) -> None:
    """What only the graph finds wrong is 400 with the graph's own words, and the server goes on."""
    answer = rest.post(target, body)
    assert (answer.status, bool(answer.error)) == (400, True)
    assert rest.post(HALF, {"instances": [1.0]}).json == {"predictions": [2.5]}


def test_long_echo_is_cut_off(rest: Rest) -> None:
    """A message does not repeat a long request in full."""
    answer = rest.post(HALF, [1] * 10_000)
    assert answer.status == 400
    assert answer.error.startswith("JSON Value: [")
    assert len(squeeze(answer.error)) < 1000


def test_error_is_json(rest: Rest) -> None:
    """A message is escaped as JSON demands."""
    answer = rest.post(HALF, {"signature_name": '"\n\\', "instances": [1.0]})
    assert (answer.status, answer.error) == (400, 'Serving signature name: ""\n\\" not found in signature def')
