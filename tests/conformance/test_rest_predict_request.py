"""REST: how a predict request becomes tensors."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.conformance.models import TYPES
from tests.conformance.rest import Rest

B64 = {"b64": base64.b64encode(b"\x00\xff").decode()}
HELLO = {"b64": base64.b64encode(b"hello").decode()}
PAIRS = [{"a": 3.0, "b": 1.0}, {"a": 5.0, "b": 1.0}]
PAIRS_SUMMED = [{"sum": 4.0, "difference": 2.0}, {"sum": 6.0, "difference": 4.0}]
FLOATS: Any = ("float", "double")
INT32S: Any = ("int32", "int16", "int8", "uint8")
WIDE = {
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "int32": (-(2**31), 2**31 - 1),
}


@pytest.mark.parametrize(
    ("model", "instances", "predictions"),
    [
        ("half_plus_two", [1.0, 2.0], [2.5, 3.0]),
        ("half_plus_two", [[1.0], [2.0]], [[2.5], [3.0]]),
        ("half_plus_two", [[[1.0], [2.0]]], [[[2.5], [3.0]]]),
        ("half_plus_two", [{"x": 1.0}, {"x": 2.0}], [2.5, 3.0]),
        ("half_plus_two", [{"x": [1.0]}], [[2.5]]),
        ("half_plus_two", [1, 2], [2.5, 3.0]),
        ("half_plus_two", [-1e0], [1.5]),
        ("half_plus_two", [[]], [[]]),
        ("two_by_two", PAIRS, PAIRS_SUMMED),
        ("two_by_two", [{"b": 1, "a": 3}], PAIRS_SUMMED[:1]),
    ],
)
def test_rows(rest: Rest, model: str, instances: object, predictions: object) -> None:
    """Rows are stacked: values where there is one input, objects with every input's name else."""
    answer = rest.post(f"{model}:predict", {"instances": instances})
    assert (answer.status, answer.json) == (200, {"predictions": predictions})


@pytest.mark.parametrize(
    ("model", "inputs", "outputs"),
    [
        ("half_plus_two", 1.0, 2.5),
        ("half_plus_two", [1.0, 2.0], [2.5, 3.0]),
        ("half_plus_two", [[1.0], [2.0]], [[2.5], [3.0]]),
        ("half_plus_two", [], []),
        ("half_plus_two", {"x": 1.0}, 2.5),
        ("half_plus_two", {"x": [1.0], "nobody": None}, [2.5]),
        ("two_by_two", {"a": [3.0], "b": [1.0]}, {"sum": [4.0], "difference": [2.0]}),
        ("two_by_two", {"a": [3.0, 5.0], "b": 1.0}, {"sum": [4.0, 6.0], "difference": [2.0, 4.0]}),
        ("two_by_two", {"a": 3, "b": 1, "c": "ignored"}, {"sum": 4.0, "difference": 2.0}),
    ],
)
def test_columns(rest: Rest, model: str, inputs: object, outputs: object) -> None:
    """Columns are tensors as they stand: of any shape, with nothing in common, and other names are ignored."""
    answer = rest.post(f"{model}:predict", {"inputs": inputs})
    assert (answer.status, answer.json) == (200, {"outputs": outputs})


@pytest.mark.parametrize(
    ("extra", "predictions"),
    [
        ({}, [3.0]),
        ({"signature_name": ""}, [3.0]),
        ({"signature_name": "serving_default"}, [3.0]),
        ({"output_filter": ["nobody"], "examples": 1, "model_spec": {}}, [3.0]),
    ],
)
def test_signature_name_and_unknown_keys(rest: Rest, extra: dict[str, Any], predictions: list[float]) -> None:
    """No signature, an empty one and serving_default are the same; keys that predict does not know are ignored."""
    assert rest.post("half_plus_two:predict", extra | {"instances": [2.0]}).json == {"predictions": predictions}


def test_any_signature_can_predict(rest: Rest) -> None:
    """Predict runs a regression's signature like any other, fed with its input by name."""
    body = {"signature_name": "classify_x2_to_y3", "instances": [2.0]}
    assert rest.post("half_plus_two:predict", body).json == {"predictions": [4.0]}


@pytest.mark.parametrize(
    ("target", "body", "status", "error"),
    [
        ("nobody", b"{", 400, "JSON Parse error: "),
        ("nobody", [1], 400, "JSON Value: "),
        ("nobody", {"signature_name": 1}, 400, "JSON Value: "),
        ("nobody", {"signature_name": "s"}, 404, "Servable not found for request: Latest(nobody)"),
        ("half_plus_two", {"signature_name": "s"}, 400, 'Serving signature name: "s" not found in signature def'),
        ("half_plus_two", {"instances": {}, "inputs": 1, "signature_name": "s"}, 400, "Serving signature name"),
    ],
)
def test_order_of_checks(rest: Rest, target: str, body: object, status: int, error: str) -> None:
    """The text is checked before the model, the model before the signature, the signature before the inputs."""
    answer = rest.post(f"{target}:predict", body)
    assert answer.status == status
    assert answer.error.startswith(error)


def echo(rest: Rest, dtype: str, value: object) -> Any:
    """What an input of a type is read as: the value that comes back, or None if it is refused with 400."""
    answer = rest.post("types:predict", {"signature_name": dtype, "inputs": [value]})
    assert answer.status in {200, 400}, answer.body
    return answer.json["outputs"][0] if answer.status == 200 else None


@pytest.mark.parametrize(
    ("dtypes", "value", "read"),
    [
        (FLOATS, 1.5, 1.5),
        (FLOATS, 2, 2.0),
        (FLOATS, -3, -3.0),
        (("float",), 16_777_217, 16_777_216.0),
        (("float",), 0.1, 0.1),
        (("double",), 0.1 + 0.2, 0.1 + 0.2),
        (("double",), 2**53, 2.0**53),
        (("float",), 1e39, float("inf")),
        (("float",), -1e39, float("-inf")),
        (INT32S, 7, 7),
        (("int32", "int16", "int8"), -7, -7),
        (("bool",), True, True),
        (("bool",), False, False),
        (("string",), "Zürich ☃ \U0001f600", "Zürich ☃ \U0001f600"),
        (("string",), HELLO, "hello"),
        (("string",), "", ""),
        *(((dtype,), limit, limit) for dtype, limits in WIDE.items() for limit in limits),
    ],
)
def test_values(rest: Rest, dtypes: tuple[str, ...], value: object, read: object) -> None:
    """A type takes the JSON values that it can hold, and integers count as numbers."""
    for dtype in dtypes:
        got = echo(rest, dtype, value)
        assert (got, type(got)) == (read, type(read)), dtype


@pytest.mark.parametrize(
    ("dtypes", "value"),
    [
        ((*FLOATS, *INT32S, "int64", "uint32", "uint64", "bool"), "1"),
        ((*FLOATS, *INT32S, "int64", "uint32", "uint64", "string"), True),
        ((*INT32S, "int64", "uint32", "uint64", "bool", "string"), 1.0),
        (("bool", "string"), 1),
        (("bool", "string"), 0),
        (INT32S, 2**31),
        (INT32S, -(2**31) - 1),
        (("int64",), 2**63),
        (("int64",), -(2**63) - 1),
        (("uint32", "uint64"), -1),
        (("uint32",), 2**32),
        (("uint64",), 2**64),
        (tuple(set(TYPES) - {"half"}), None),
        (tuple(set(TYPES) - {"half"}), {"a": 1}),
        (tuple(set(TYPES) - {"half", "string"}), HELLO),
        (("string",), {"b64": "AA==", "more": 1}),
        (("string",), {"b64": 1}),
    ],
)
def test_refused_values(rest: Rest, dtypes: tuple[str, ...], value: object) -> None:
    """A type refuses other types, integers that it cannot hold and null; b64 is for texts alone."""
    for dtype in dtypes:
        assert echo(rest, dtype, value) is None, dtype


@pytest.mark.parametrize(("key", "status"), [("inputs", 501), ("instances", 400)])
def test_types_that_json_cannot_fill(rest: Rest, key: str, status: int) -> None:
    """Half precision is not implemented; in rows that is reported as a wrong argument."""
    answer = rest.post("types:predict", {"signature_name": "half", key: [1.0]})
    assert answer.status == status
    assert "half" in answer.error


def test_b64_goes_by_type(rest: Rest) -> None:
    """b64 is read for any input of texts, whatever its name."""
    body: dict[str, Any] = {"signature_name": "bytes", "instances": [B64, {"text": B64}["text"], "plain"]}
    plain = {"b64": base64.b64encode(b"plain").decode()}
    assert rest.post("texts:predict", body).json == {"predictions": [B64, B64, plain]}
    named = {"signature_name": "bytes", "instances": [{"text": B64}]}
    assert rest.post("texts:predict", named).json == {"predictions": [B64]}
    assert rest.post("texts:predict", {"signature_name": "bytes", "inputs": B64}).json == {"outputs": B64}


@pytest.mark.parametrize(("text", "tokens"), [("1e-400", "0.0"), ("-0.0", "-0.0"), ("1E2", "100.0"), ("2.5e0", "2.5")])
def test_odd_numbers(rest: Rest, text: str, tokens: str) -> None:
    """Numbers may be written with exponents, and vanish where they are too small."""
    answer = rest.post("types:predict", f'{{"signature_name": "double", "inputs": {text}}}')
    assert answer.text == f'{{"outputs":{tokens}}}'


@pytest.mark.parametrize(
    "text", ["1e400", "01", "1.", ".5", "+1", "0x1", "1e", "nan", "infinity", "--1", "'1'", "None"]
)
def test_texts_that_are_no_numbers(rest: Rest, text: str) -> None:
    """What JSON does not have for a number is a parse error, and so is one that no double can hold."""
    answer = rest.post("types:predict", f'{{"signature_name": "double", "inputs": {text}}}')
    assert answer.status == 400
    assert answer.error.startswith("JSON Parse error: ")
