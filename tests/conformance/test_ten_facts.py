"""The facts about the protocol that are most likely to be got wrong."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from tests.conformance.grpc_api import (
    Grpc,
    classify_request,
    examples,
    failure,
    metadata_request,
    predict_request,
    regress_request,
    spec,
    status_request,
)
from tests.conformance.models import example
from tests.conformance.rest import Rest

DEEP = 500_000


def test_shapes_are_not_checked_over_rest(rest: Rest) -> None:
    """An input declared [-1, 1] takes a plain list, and its output has the list's shape."""
    assert rest.post("half_plus_two:predict", {"instances": [1.0, 2.0, 5.0]}).json == {"predictions": [2.5, 3.0, 4.5]}
    assert rest.post("half_plus_two:predict", {"inputs": 1.0}).json == {"outputs": 2.5}
    assert rest.post("half_plus_two:predict", {"inputs": [[[1.0, 2.0]]]}).json == {"outputs": [[[2.5, 3.0]]]}


@pytest.mark.parametrize("x", [2.0, [2.0], [[2.0], [4.0]], [[[2.0, 4.0]]]])
def test_shapes_are_not_checked_over_grpc(grpc_api: Grpc, x: object) -> None:
    """An input declared [-1, 1] takes a tensor of any rank, and its output has the same shape."""
    answer = grpc_api.predict(predict_request(spec("half_plus_two"), {"x": x}))
    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["y"]), np.array(x) * 0.5 + 2.0)


def test_shapes_are_not_checked_for_tf2_exports(rest: Rest) -> None:
    """What TensorFlow 2 exported is not stricter."""
    assert rest.post("tf2_half_plus_two:predict", {"instances": [1.0, 2.0]}).json == {"predictions": [2.5, 3.0]}


@pytest.mark.parametrize(("verb", "results"), [("classify", [[["", 3.0]]]), ("regress", [3.0])])
def test_results_is_the_key(rest: Rest, verb: str, results: object) -> None:
    """Classify and regress answer under "results", whatever the documentation says."""
    body = {"signature_name": f"{verb}_x_to_y", "examples": [{"x": 2.0}]}
    assert rest.post(f"half_plus_two:{verb}", body).json == {"results": results}


def test_unknown_signature_over_grpc(grpc_api: Grpc) -> None:
    """Predict has its own code and message for a signature that is not there."""
    unknown, one = spec("half_plus_two", signature="s"), examples(example(x=2.0))
    failed = failure(grpc_api.predict, predict_request(unknown, {"x": [2.0]}))
    assert failed == (StatusCode.FAILED_PRECONDITION, 'Serving signature key "s" not found.')
    message = "No signature was found with the name: s"
    for call, request in (
        (grpc_api.classify, classify_request(unknown, one)),
        (grpc_api.regress, regress_request(unknown, one)),
    ):
        assert failure(call, request) == (StatusCode.INVALID_ARGUMENT, message)


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("predict", 'Serving signature name: "s" not found in signature def'),
        ("classify", "No signature was found with the name: s"),
        ("regress", "No signature was found with the name: s"),
    ],
)
def test_unknown_signature_over_rest(rest: Rest, verb: str, message: str) -> None:
    """It is 400, with a message that depends on the verb."""
    body = {"signature_name": "s", "instances": [2.0], "examples": [{"x": 2.0}]}
    answer = rest.post(f"half_plus_two:{verb}", body)
    assert (answer.status, answer.error) == (400, message)


def test_unknown_label_is_no_not_found(rest: Rest, grpc_api: Grpc) -> None:
    """An unknown label is a wrong argument, where an unknown model or version is not found."""
    for target, status in (("nobody", 404), ("versions/versions/99", 404), ("versions/labels/nobody", 400)):
        assert rest.post(f"{target}:predict", {"instances": [1.0]}).status == status
    for model_spec, code in (
        (spec("nobody"), StatusCode.NOT_FOUND),
        (spec("versions", version=99), StatusCode.NOT_FOUND),
        (spec("versions", label="nobody"), StatusCode.INVALID_ARGUMENT),
    ):
        assert failure(grpc_api.predict, predict_request(model_spec, {"x": [1.0]}))[0] == code


@pytest.mark.parametrize("label", ["stable", "nobody"])
def test_status_ignores_labels(rest: Rest, grpc_api: Grpc, label: str) -> None:
    """The status by a label, known or not, is that of all versions."""
    by_label = rest.get(f"/v1/models/versions/labels/{label}")
    assert (by_label.status, by_label.json) == (200, rest.get("/v1/models/versions").json)
    of_all, of_label = (
        grpc_api.status(status_request(made)) for made in (spec("versions"), spec("versions", label=label))
    )
    assert of_label == of_all


def test_metadata_heeds_labels(rest: Rest, grpc_api: Grpc) -> None:
    """The metadata by a label is that of the label's version, and an unknown label an error."""
    assert rest.get("/v1/models/versions/labels/stable/metadata").json["model_spec"]["version"] == "1"
    unknown = rest.get("/v1/models/versions/labels/nobody/metadata")
    assert (unknown.status, unknown.error) == (400, "Unrecognized servable version label: nobody")
    answer = grpc_api.metadata(metadata_request(spec("versions", label="stable"), "signature_def"))
    assert answer.model_spec.version.value == 1


@pytest.mark.parametrize(
    ("method", "target", "status", "error"),
    [
        ("POST", "/v1/models/half_plus_two:predict?x=1", 400, "Malformed request: POST {target}"),
        ("GET", "/v1/models/half_plus_two?x=1", 404, "Could not find any versions of model half_plus_two?x=1"),
        ("GET", "/v1/models/half_plus_two/metadata?x=1", 400, "Malformed request: GET {target}"),
    ],
)
def test_query_belongs_to_the_path(rest: Rest, method: str, target: str, status: int, error: str) -> None:
    """A query string is a part of the path like any other."""
    answer = rest.ask(method, target, {"instances": [1.0]} if method == "POST" else b"")
    assert (answer.status, answer.error) == (status, error.format(target=target))


@pytest.mark.parametrize(
    ("body", "predictions"),
    [
        ('{"instances": [1.0]} and more', "[2.5]"),
        ('{"instances": [1.0]}}', "[2.5]"),
        ('{"instances": [1.0], "instances": [3.0]}', "[2.5]"),
        ('{"instances": [{"x": 1.0, "y": 3.0}], "instances": [3.0]}', None),
        ('{"instances": [NaN]}', "[NaN]"),
        ('{"instances": [Inf, -Inf]}', "[Infinity,-Infinity]"),
        ('{"instances": [Infinity, -Infinity]}', "[Infinity,-Infinity]"),
        ('{"instances": [-NaN]}', "[NaN]"),
        (' \r\n\t{"instances" :[ 1.0 ] }\n', "[2.5]"),
        ('{"ignored": null, "instances": [1.0]}', "[2.5]"),
    ],
)
def test_parser(rest: Rest, body: str, predictions: str | None) -> None:
    """Text after the object is ignored, the first of two equal keys wins, and numbers need not be finite."""
    answer = rest.post("half_plus_two:predict", body)
    if predictions is None:
        assert answer.status == 400
    else:
        assert (answer.status, answer.text) == (200, f'{{"predictions":{predictions}}}')


def test_first_of_two_equal_inputs_wins(rest: Rest) -> None:
    """The rule holds below the top level too, where the input is looked up by its name."""
    answer = rest.post("half_plus_two:predict", '{"inputs": {"x": [1.0], "x": [3.0]}}')
    assert answer.json == {"outputs": [2.5]}


def test_deep_nesting_is_parsed(rest: Rest) -> None:
    """Half a million brackets are no trouble to the parser."""
    nested = "[" * DEEP + "]" * DEEP
    answer = rest.post("half_plus_two:predict", f'{{"ignored": {nested}, "instances": [1.0]}}')
    assert (answer.status, answer.json) == (200, {"predictions": [2.5]})


@pytest.mark.parametrize("closing", [DEEP, DEEP - 1])
def test_deep_nesting_is_refused(rest: Rest, closing: int) -> None:
    """A tensor of half a million dimensions, or unclosed brackets, are the client's fault; the server lives."""
    answer = rest.post("half_plus_two:predict", f'{{"instances": {"[" * DEEP + "1" + "]" * closing}}}')
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert rest.post("half_plus_two:predict", {"instances": [1.0]}).json == {"predictions": [2.5]}
