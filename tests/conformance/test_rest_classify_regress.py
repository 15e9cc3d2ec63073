"""REST: classify and regress."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from tests.conformance.rest import Rest

GRAPH_WANTS_FLOAT = "Data types don't match."


@pytest.mark.parametrize(
    ("target", "body", "results"),
    [
        ("half_plus_two:regress", {"signature_name": "regress_x_to_y", "examples": [{"x": 2.0}]}, [3.0]),
        (
            "half_plus_two:regress",
            {"signature_name": "regress_x_to_y", "examples": [{"x": [2.0]}, {"x": 4.0}]},
            [3.0, 4.0],
        ),
        ("half_plus_two:regress", {"signature_name": "regress_x_to_y2", "examples": [{"x": 2.0}]}, [4.0]),
        ("half_plus_two:classify", {"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]}, [[["", 3.0]]]),
        ("classes:classify", {"examples": [{"x": 0.25}]}, [[["yes", 0.25], ["no", 0.75]]]),
        (
            "classes:classify",
            {"signature_name": "named_predict", "examples": [{"x": 0.0}]},
            [[["yes", 0.0], ["no", 1.0]]],
        ),
        (
            "classes:classify",
            {"signature_name": "only_classes", "examples": [{"x": 1.0}]},
            [[["yes", 0.0], ["no", 0.0]]],
        ),
        ("classes:regress", {"signature_name": "rank_1", "examples": [{"x": 2.0}, {"x": 0.0}]}, [3.0, 2.0]),
        ("half_plus_two:regress", {"signature_name": "classify_x2_to_y3", "examples": [{"x": 2.0}]}, None),
    ],
)
def test_results(rest: Rest, target: str, body: dict[str, Any], results: Any) -> None:
    """An example has a number from regress, and pairs of a label (empty without classes) and a score from classify."""
    answer = rest.post(target, body)
    if results is None:
        assert answer.status == 400
    else:
        assert (answer.status, answer.json) == (200, {"results": results})


def test_default_signature(rest: Rest) -> None:
    """Without a name it is serving_default, which in a model for predict does not fit."""
    assert rest.post("classes:classify", {"signature_name": "", "examples": [{"x": 1.0}]}).status == 200
    assert rest.post("half_plus_two:classify", {"examples": [{"x": 1.0}]}).status == 400


@pytest.mark.parametrize("verb", ["classify", "regress"])
def test_floats_are_written_as_predict_writes_them(rest: Rest, verb: str) -> None:
    """A score has six digits or nine, and always a point or an exponent."""
    examples = '[{"x": -4.0}, {"x": 0.2}, {"x": 1.8e7}, {"x": NaN}]'
    body = f'{{"signature_name": "{verb}_x_to_y", "examples": {examples}}}'
    answer = rest.post(f"half_plus_two:{verb}", body)
    assert re.findall(r"[-+.\de]*\d|NaN", answer.text) == ["0.0", "2.1", "9000002.0", "NaN"]


@pytest.mark.parametrize(
    ("context", "examples", "results"),
    [
        ({"x": 2.0}, [{}, {}], [3.0, 3.0]),
        ({"x": 2.0}, [{"y": 1.0}], [3.0]),
        ({"x": 2.0}, [{"x": 4.0}, {}], [4.0, 3.0]),
        ({"unused": "text"}, [{"x": 2.0}], [3.0]),
        ({}, [{"x": 2.0}], [3.0]),
    ],
)
def test_context(rest: Rest, context: object, examples: object, results: object) -> None:
    """A context is a part of every example, and an example's own features win."""
    body = {"signature_name": "regress_x_to_y", "context": context, "examples": examples}
    assert rest.post("half_plus_two:regress", body).json == {"results": results}


@pytest.mark.parametrize("value", [2, [2], True, "2.0", {"b64": base64.b64encode(b"2").decode()}])
def test_features_are_typed_by_their_text(rest: Rest, value: object) -> None:
    """2 is an integer and not 2.0: the graph, which wants a float, refuses it; as it does texts and booleans."""
    body = {"signature_name": "regress_x_to_y", "examples": [{"x": value}]}
    answer = rest.post("half_plus_two:regress", body)
    assert answer.status == 400
    assert GRAPH_WANTS_FLOAT in answer.error


@pytest.mark.parametrize("value", [1e39, "Infinity"])
def test_infinite_features(rest: Rest, value: object) -> None:
    """What no float can hold is infinite, and may be said outright."""
    body = f'{{"signature_name": "regress_x_to_y", "examples": [{{"x": {value}}}]}}'
    assert rest.post("half_plus_two:regress", body).json == {"results": [float("inf")]}


@pytest.mark.parametrize(
    ("verb", "signature"),
    [
        ("classify", "rank_1_scores"),
        ("classify", "no_scores"),
        ("classify", "other_input"),
        ("classify", "rank_1"),
        ("regress", "rank_2"),
        ("regress", "serving_default"),
        ("regress", "other_input"),
    ],
)
def test_signatures_that_do_not_fit(rest: Rest, verb: str, signature: str) -> None:
    """Inputs and outputs must have the names, types and ranks that the verb needs, whatever method they name."""
    answer = rest.post(f"classes:{verb}", {"signature_name": signature, "examples": [{"x": 1.0}]})
    assert answer.status == 400
    assert answer.error
