"""What the API answers when all is well, and that it answers whatever comes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.example.example_pb2 import Example

from serving.server.rest import example_json
from serving.server.rest.columns import BOOL, DOUBLE, FLOAT, INT8, INT16, INT32, INT64, STRING, UINT8, UINT32, UINT64
from serving.server.rest.fakes import FakeCore, servable, signature
from serving.server.rest.handler import handle
from serving.server.rest.message import Request
from serving.server.rest.options import RestOptions
from serving.server.rest.request_json import inputs
from serving.server.servable import Array
from tests.serving.rest.models import OPTIONS, answer, ask, core, predict

TARGETS = st.sampled_from(
    [f"/v1/models/{model}{rest}" for model in ("half", "pairs", "echo", "judges", "x") for rest in
     ("", "/metadata", "/versions/1", ":predict", ":classify", ":regress", "/labels/stable:predict")]
)  # fmt: skip
RAW = st.characters(exclude_categories=["Cs"]) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
TEXTS = st.text(RAW)  # with bytes that are no UTF-8, as surrogate escapes
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just({"b64": "YQ=="})
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abxv") | TEXTS, inner))
NAMES = ["signature_name", "instances", "inputs", "examples", "context"]
SIGNATURES = st.sampled_from(["serving_default", "floats", "ints", "texts", "half", "regress", "classify", ""])
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES).flatmap(
    lambda body: SIGNATURES.map(lambda key: {"signature_name": key} | body)
)


def as_sent(body: Any) -> bytes:
    """A body, with bytes that are no UTF-8 where its texts have surrogate escapes."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogateescape")


METHODS = st.sampled_from(["GET", "POST", "OPTIONS", "PUT"]) | st.text()


@given(METHODS, TARGETS | TEXTS, BODIES.map(as_sent) | st.binary())
def test_whatever_comes_is_answered(method: str, target: str, body: bytes) -> None:
    """No method, target or body raises, or is an internal error; what is answered is JSON."""
    response = handle(core(), Request(method, target, {}, body), OPTIONS)
    assert response.status in {200, 400, 404, 501}
    text = response.body.decode("utf-8", "strict" if response.status >= 400 else "surrogateescape")
    assert not text or json.loads(text)


@given(st.lists(st.floats(width=32), min_size=1))
def test_floats_come_back_as_they_went(numbers: list[float]) -> None:
    """Numbers that a model gives back unchanged are the same float32 numbers, in rows and in columns."""
    array = np.array(numbers, np.float32)
    for given_as, answered_as in (("instances", "predictions"), ("inputs", "outputs")):
        body = {"signature_name": "floats", given_as: array.tolist()}
        np.testing.assert_array_equal(np.array(answer(predict("echo", body))[answered_as], np.float32), array)


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1), st.lists(st.text(), min_size=1))
def test_integers_and_texts_come_back_as_they_went(numbers: list[int], texts: list[str]) -> None:
    """So are whole numbers of 64 bits, and texts of any characters, written raw or escaped."""
    assert answer(predict("echo", {"signature_name": "longs", "instances": numbers})) == {"predictions": numbers}
    valid = [text.encode("utf-8", "replace").decode() for text in texts]
    for ascii_only in (True, False):
        body = json.dumps({"signature_name": "texts", "instances": valid}, ensure_ascii=ascii_only).encode()
        assert answer(predict("echo", body)) == {"predictions": valid}


def test_the_documentations_first_example() -> None:
    """A list of numbers for an input declared [-1, 1] is answered: no shape is checked."""
    response = predict("half", {"instances": [1.0, 2.0, 5.0]})
    assert response.body == b'{"predictions": [2.5,3.0,4.5]}'
    assert response.headers == ((b"content-type", b"application/json"),)


@pytest.mark.parametrize(
    ("model", "body", "expected"),
    [
        ("half", {"inputs": 4}, {"outputs": 4.0}),
        ("half", {"inputs": [[1], [2]]}, {"outputs": [[2.5], [3.0]]}),
        ("half", {"inputs": []}, {"outputs": []}),
        ("half", {"inputs": [[], []]}, {"outputs": [[], []]}),
        ("half", {"instances": [[], []]}, {"predictions": [[], []]}),
        ("half", {"inputs": {"x": [2], "unknown": 1}}, {"outputs": [3.0]}),
        ("half", {"instances": [{"x": [2]}, {"x": [4]}], "more": 1}, {"predictions": [[3.0], [4.0]]}),
        ("half", {"signature_name": "", "instances": [2]}, {"predictions": [3.0]}),
        (
            "pairs",
            {"instances": [{"a": 1, "b": "x"}, {"b": {"b64": "eQ=="}, "a": 2}]},
            {"predictions": [{"p": 1.0, "q": "x"}, {"p": 2.0, "q": "y"}]},
        ),
        ("pairs", {"inputs": {"a": [1, 2], "b": "x"}}, {"outputs": {"p": [1.0, 2.0], "q": "x"}}),
        ("echo", {"signature_name": "texts", "instances": [{"b64": "eA"}, "y"]}, {"predictions": ["x", "y"]}),
        ("echo", {"signature_name": "texts", "inputs": {"b64": "eA=="}}, {"outputs": "x"}),
        ("echo", {"signature_name": "bools", "instances": [True, False]}, {"predictions": [True, False]}),
    ],
)
def test_predictions(model: str, body: Any, expected: Any) -> None:
    """Rows and columns, one input and several, are answered in the form they came in."""
    assert answer(predict(model, body)) == expected


def test_a_target_is_matched_as_upstream_does() -> None:
    """Case does not matter but in the verb, versions and labels are found, and names are decoded."""
    for target in ("/V1/MODELS/half:predict", "/v1/models/half/versions/0123:predict", "/v1/models/h%61lf:predict",
                   "/v1/models/half/labels/stable:predict"):  # fmt: skip
        assert answer(ask("POST", target, {"instances": [2]})) == {"predictions": [3.0]}


def test_status() -> None:
    """Versions are texts, states are names, empty fields are there, and a label is not looked at."""
    expected = {
        "model_version_status": [
            {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }
    for which in ("", "/versions/123", "/labels/unknown"):
        assert answer(ask("GET", f"/v1/models/half{which}")) == expected


def test_metadata() -> None:
    """Signatures lie below signature_def twice, with their empty fields."""
    assert answer(ask("GET", "/v1/models/half/labels/stable/metadata")) == {
        "model_spec": {"name": "half", "signature_name": "", "version": "123"},
        "metadata": {
            "signature_def": {
                "signature_def": {
                    "serving_default": {
                        "inputs": {}, "outputs": {}, "method_name": "tensorflow/serving/predict", "defaults": {},
                    }
                }
            }
        },
    }  # fmt: skip


def test_classify_and_regress() -> None:
    """Classes come with their scores, with an empty label when there are no names for them; numbers as they are."""
    body = {"examples": [{}, {"f": 1}]}
    asked = {key: ask("POST", f"/v1/models/judges:{'regress' if key == 'regress' else 'classify'}",
                      {"signature_name": key} | body) for key in ("classify", "scores", "regress")}  # fmt: skip
    assert answer(asked["classify"]) == {"results": [[["no", 0.0], ["yes", 1.0]]] * 2}
    assert answer(asked["scores"]) == {"results": [[["", 0.0], ["", 1.0]]] * 2}
    assert answer(asked["regress"]) == {"results": [0.0, float(len(example_json.examples(body)[1]))]}


def test_features_are_typed_by_their_json() -> None:
    """A token decides the kind of a feature; the context is in every example, which overrides it."""
    body = {
        "context": {"both": 1, "context": "c"},
        "examples": [{"i": [1, True], "f": [2.0, 1e39], "s": ["ä", {"b64": "/w=="}], "none": [], "both": 2}],
    }
    (serialized,) = example_json.examples(body)
    features = Example.FromString(serialized).features.feature
    assert list(features["i"].int64_list.value) == [1, 1]
    assert list(features["f"].float_list.value) == [2.0, float("inf")]
    assert list(features["s"].bytes_list.value) == ["ä".encode(), b"\xff"]
    assert features["none"].WhichOneof("kind") is None
    assert list(features["both"].int64_list.value) == [2]
    assert list(features["context"].bytes_list.value) == [b"c"]


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (FLOAT, [1, 2.5, 1e39, -1e39, 16_777_217], np.array([1, 2.5, np.inf, -np.inf, 16_777_216], np.float32)),
        (DOUBLE, [1, 1e-310, -1e-310, 2**64 - 1], np.array([1, 0.0, -0.0, 2.0**64])),
        (INT32, [-(2**31), 2**31 - 1], np.array([-(2**31), 2**31 - 1], np.int32)),
        (INT16, [65_537], np.array([1], np.int16)),
        (INT8, [300], np.array([44], np.int8)),
        (UINT8, [-1], np.array([255], np.uint8)),
        (UINT32, [2**32 - 1], np.array([2**32 - 1], np.uint32)),
        (UINT64, [2**64 - 1], np.array([2**64 - 1], np.uint64)),
        (INT64, [-(2**63)], np.array([-(2**63)], np.int64)),
        (BOOL, [True, False], np.array([True, False])),
        (STRING, ["ä", {"b64": "/w=="}, "\udcff"], np.array(["ä".encode(), b"\xff", b"\xff"], object)),
    ],
)
def test_what_each_type_takes(dtype: int, values: list[Any], expected: Array) -> None:
    """Values become the type's numbers; small integer types wrap, and numbers beyond a float's range are infinite."""
    signatures = signature({"v": dtype}, {})
    for body in ({"instances": values}, {"inputs": values}, {"instances": [{"v": value} for value in values]}):
        (array,) = inputs(body, signatures).values()
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
        if dtype in (FLOAT, DOUBLE):
            np.testing.assert_array_equal(np.signbit(array), np.signbit(expected))


@pytest.mark.parametrize(
    ("name", "array", "text"),
    [
        ("y", np.array([b'"\\\n\x01\xc3\xa4'], object), b'["\\"\\\\\\n\\u0001\xc3\xa4"]'),
        ("y", np.array([b"\xff"], object), b'["\xff"]'),
        ("y_bytes", np.array([b"\xff"], object), b'[{"b64":"/w=="}]'),
        ("y", np.zeros((0, 3), np.float32), b"[]"),
        ("y", np.zeros((2, 0), np.float32), b"[[],[]]"),
        ("y", np.arange(8, dtype=np.uint8).reshape(2, 2, 2), b"[[[0,1],[2,3]],[[4,5],[6,7]]]"),
        ("y", np.array([2**64 - 1], np.uint64), b"[18446744073709551615]"),
        ("y", np.array([True]), b"[true]"),
    ],
)
def test_how_outputs_are_written(name: str, array: Array, text: bytes) -> None:
    """Texts are raw or base64 by the output's name, numbers as JSON has them, in rows of any rank."""
    models = FakeCore({("m", 1): servable(lambda _: {name: array}, signature({"x": FLOAT}, {name: FLOAT}))})
    for given_as, answered_as in ((b"instances", b"predictions"), (b"inputs", b"outputs")):
        request = Request("POST", "/v1/models/m:predict", {}, b'{"' + given_as + b'": [1]}')
        assert handle(models, request, OPTIONS).body == b'{"' + answered_as + b'": ' + text + b"}"


def test_several_outputs_whose_names_need_escapes() -> None:
    """Names of outputs are JSON texts, whatever they are."""
    made = {'a"%s': np.array([1], np.int32), "b%": np.array([2], np.int32)}
    models = FakeCore({("m", 1): servable(lambda _: made, signature({"x": FLOAT}, dict.fromkeys(made, INT32)))})
    request = Request("POST", "/v1/models/m:predict", {}, b'{"instances": [1]}')
    assert answer(handle(models, request, OPTIONS)) == {"predictions": [{'a"%s': 1, "b%": 2}]}


def test_cross_origin_requests() -> None:
    """A preflight is answered by its origin, and headers let others in only when that is switched on."""
    allowed = RestOptions(enable_cors_support=True)
    for origin, status in ((b"https://a", 200), (b"http://a", 200), (b"null", 400), (b"", 400)):
        request = Request("OPTIONS", "/v1/models/half:predict", {b"origin": origin})
        assert handle(core(), request, OPTIONS) == (status, (), b"")
        assert (b"access-control-allow-origin", b"*") in handle(core(), request, allowed).headers
    answered = handle(core(), Request("GET", "/v1/models/half"), allowed)
    assert (b"access-control-allow-methods", b"POST, GET") in answered.headers
