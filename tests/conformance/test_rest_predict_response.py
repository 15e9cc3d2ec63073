"""REST: how tensors become a predict response."""

from __future__ import annotations

import base64

import pytest

from tests.conformance.rest import Rest

BINARY = base64.b64encode(b"\xff\x00").decode()


@pytest.mark.parametrize(
    ("signature", "request_body", "response"),
    [
        ("plain", {"instances": ["a", "b"]}, {"predictions": ["a", "b"]}),
        ("plain", {"inputs": ["a"]}, {"outputs": ["a"]}),
        ("bytes", {"instances": ["a"]}, {"predictions": [{"b64": "YQ=="}]}),
        ("bytes", {"inputs": ["a"]}, {"outputs": [{"b64": "YQ=="}]}),
        ("serving_default", {"instances": ["a"]}, {"predictions": [{"echo": "a", "echo_bytes": {"b64": "YQ=="}}]}),
        ("serving_default", {"inputs": ["a"]}, {"outputs": {"echo": ["a"], "echo_bytes": [{"b64": "YQ=="}]}}),
        ("plain", {"instances": ['"\\\n\t/\u2028é']}, {"predictions": ['"\\\n\t/\u2028é']}),
        ("plain", {"instances": [""]}, {"predictions": [""]}),
    ],
)
def test_texts(rest: Rest, signature: str, request_body: dict[str, object], response: object) -> None:
    """One output loses its name, several are objects; texts are base64 where the output's name ends in _bytes."""
    answer = rest.post("texts:predict", {"signature_name": signature} | request_body)
    assert (answer.status, answer.json) == (200, response)


def test_texts_that_are_no_utf8(rest: Rest) -> None:
    """Bytes pass through a text unchanged, though the answer then is no UTF-8."""
    answer = rest.post("texts:predict", {"signature_name": "plain", "instances": [{"b64": BINARY}]})
    assert answer.status == 200
    assert answer.body.replace(b" ", b"").replace(b"\n", b"") == b'{"predictions":["\xff\\u0000"]}'


@pytest.mark.parametrize(
    ("number", "tokens"),
    [
        ("1", "1.0"),
        ("0.1", "0.1"),
        ("-2.5", "-2.5"),
        ("0", "0.0"),
        ("-0.0", "-0.0"),
        ("9000000", "9e+06"),
        ("0.00003", "3e-05"),
        ("123456", "123456.0"),
        ("1234567", "1234567.0"),
        ("16777216", "16777216.0"),
        ("0.3333333333", "0.333333343"),
        ("3.14159274", "3.14159274"),
        ("1e38", "1e+38"),
        ("1e39", "Infinity"),
        ("-1e39", "-Infinity"),
        ("NaN", "NaN"),
        ("1e-20", "1e-20"),
        ("1234567.8", "1234567.75"),
        ("1000000000", "1e+09"),
        ("3.4028235e38", "3.40282347e+38"),
    ],
)
def test_floats(rest: Rest, number: str, tokens: str) -> None:
    """A float has six digits if they say it all, else nine; and always a point or an exponent."""
    answer = rest.post("types:predict", f'{{"signature_name": "float", "inputs": [{number}]}}')
    assert answer.text == f'{{"outputs":[{tokens}]}}'


@pytest.mark.parametrize(
    ("number", "tokens"),
    [
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("0.3333333333333333", "0.33333333333333331"),
        ("123456789", "123456789.0"),
        ("1e300", "1e+300"),
        ("2.718281828459045", "2.7182818284590451"),
        ("Infinity", "Infinity"),
        ("-Inf", "-Infinity"),
        ("NaN", "NaN"),
        ("9000000", "9e+06"),
    ],
)
def test_doubles(rest: Rest, number: str, tokens: str) -> None:
    """A double has six digits if they say it all, else seventeen."""
    answer = rest.post("types:predict", f'{{"signature_name": "double", "inputs": [{number}]}}')
    assert answer.text == f'{{"outputs":[{tokens}]}}'


@pytest.mark.parametrize(
    ("dtype", "value", "tokens"),
    [
        ("bool", "[true, false]", "[true,false]"),
        ("int64", "[9007199254740993]", "[9007199254740993]"),
        ("uint64", "[18446744073709551615]", "[18446744073709551615]"),
        ("int8", "[-1]", "[-1]"),
        ("uint8", "[255]", "[255]"),
        ("int32", "[[1, 2], [3, 4]]", "[[1,2],[3,4]]"),
        ("int16", "7", "7"),
        ("string", '"a"', '"a"'),
        ("bool", "[]", "[]"),
        ("float", "[[], []]", "[[],[]]"),
    ],
)
def test_other_types(rest: Rest, dtype: str, value: str, tokens: str) -> None:
    """Integers keep every digit and have no point; shapes are kept, empty ones too."""
    answer = rest.post("types:predict", f'{{"signature_name": "{dtype}", "inputs": {value}}}')
    assert answer.text == f'{{"outputs":{tokens}}}'


@pytest.mark.parametrize(
    ("signature", "request_body", "status", "response"),
    [
        ("total", {"inputs": [1.0, 2.0]}, 200, {"outputs": 3.0}),
        ("total", {"instances": [1.0]}, 400, {"error": "Tensor name: total has no shape information "}),
        ("longer", {"instances": [1.0]}, 200, {"predictions": [1.0, 1.0]}),
        ("nothing", {"instances": [1.0]}, 200, {"predictions": []}),
        ("nothing", {"inputs": [1.0]}, 200, {"outputs": []}),
        ("uneven", {"inputs": [1.0]}, 200, {"outputs": {"longer": [1.0, 1.0], "same": [1.0]}}),
        ("half", {"instances": [1.0]}, 400, {"error": "Failed to write JSON value for tensor type: half"}),
        ("half", {"inputs": [1.0]}, 400, {"error": "Failed to write JSON value for tensor type: half"}),
    ],
)
def test_shapes(rest: Rest, signature: str, request_body: dict[str, object], status: int, response: object) -> None:
    """Rows want outputs with rows, as many as they like; columns take any shape; half precision cannot be written."""
    answer = rest.post("shapes:predict", {"signature_name": signature} | request_body)
    assert (answer.status, answer.json) == (status, response)


def test_outputs_of_uneven_length(rest: Rest) -> None:
    """Several outputs make rows only if they have equally many; which of them is named first is left open."""
    answer = rest.post("shapes:predict", {"signature_name": "uneven", "instances": [1.0]})
    legal = [
        f"Tensor name: {name} has inconsistent batch size: {size} expecting: {other}"
        for name, size, other in (("longer", 2, 1), ("same", 1, 2))
    ]
    assert answer.status == 400
    assert answer.error in legal
