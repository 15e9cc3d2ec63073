"""REST: which URL does what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.rest import Rest

ROWS: dict[str, Any] = {"instances": [2.0]}
EXAMPLES: dict[str, Any] = {"examples": [{"x": 2.0}]}


@pytest.mark.parametrize(
    "target",
    [
        "/v1/models/half_plus_two",
        "/V1/Models/half_plus_two",
        "/v1/models/half_plus_two/versions/123",
        "/v1/models/half_plus_two/VERSIONS/000123",
        "/v1/models/half%5Fplus%5ftwo",
        "/v1/models/odd%2Fname%3Ax",
    ],
)
def test_status(rest: Rest, target: str) -> None:
    """Models are found by name and version; letters' case does not matter but in names, which may be escaped."""
    answer = rest.get(target)
    assert (answer.status, [each["version"] for each in answer.json["model_version_status"]]) == (200, ["123"])


@pytest.mark.parametrize(
    ("target", "version"),
    [
        ("/v1/models/half_plus_two/metadata", "123"),
        ("/v1/models/half_plus_two/versions/123/metadata", "123"),
        ("/v1/models/versions/metadata", "2"),
        ("/v1/models/versions/labels/stable/metadata", "1"),
        ("/v1/models/versions/labels/st%61ble/metadata", "1"),
        ("/v1/models/odd%2Fname%3Ax/metadata", "123"),
    ],
)
def test_metadata(rest: Rest, target: str, version: str) -> None:
    """Below /metadata lie the signatures of the version that is named, else of the latest."""
    answer = rest.get(target)
    assert (answer.status, answer.json["model_spec"]["version"]) == (200, version)


@pytest.mark.parametrize(
    ("target", "predictions"),
    [
        ("half_plus_two:predict", [3.0]),
        ("half_plus_two/versions/123:predict", [3.0]),
        ("versions:predict", [4.0]),
        ("versions/versions/1:predict", [3.0]),
        ("versions/versions/2:predict", [4.0]),
        ("versions/labels/stable:predict", [3.0]),
        ("versions/labels/canary:predict", [4.0]),
        ("versions/labels/newest:predict", [4.0]),
        ("odd%2Fname%3Ax:predict", [3.0]),
        ("odd%2fname%3ax/versions/123:predict", [3.0]),
    ],
)
def test_predict(rest: Rest, target: str, predictions: list[float]) -> None:
    """A version, a label or neither chooses what predicts."""
    assert rest.post(target, ROWS).json == {"predictions": predictions}


@pytest.mark.parametrize("of", ["", "/versions/1", "/labels/stable"])
@pytest.mark.parametrize(("verb", "results"), [("classify", [[["", 3.0]]]), ("regress", [3.0])])
def test_classify_and_regress(rest: Rest, of: str, verb: str, results: list[Any]) -> None:
    """They take versions and labels as predict does; without one, the latest version adds 1."""
    latest = [[["", 4.0]]] if verb == "classify" else [4.0]
    answer = rest.post(f"versions{of}:{verb}", {"signature_name": f"{verb}_x_to_y"} | EXAMPLES)
    assert answer.json == {"results": results if of else latest}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/foo"),
        ("GET", "/v1/"),
        ("GET", "/v1/models/half_plus_two/"),
        ("GET", "/v1/models/half_plus_two:predict"),
        ("GET", "/v1/models/half_plus_two/versions/-1"),
        ("GET", "/v1/models/half_plus_two/versions/one"),
        ("GET", "/v1/models/half_plus_two/versions/"),
        ("GET", "/v1/models/half_plus_two/versions/1/labels/stable"),
        ("GET", "/v1/models/half_plus_two/nothing"),
        ("POST", "/v1/models/half_plus_two"),
        ("POST", "/v1/models/half_plus_two/metadata"),
        ("POST", "/v1/models/half_plus_two:explain"),
        ("POST", "/v1/models/half_plus_two:PREDICT"),
        ("POST", "/v1/models/half_plus_two:predict/"),
        ("POST", "/v1/models/:predict"),
        ("POST", "/v1/models/versions/versions/1/labels/stable:predict"),
        ("PUT", "/v1/models/half_plus_two:predict"),
        ("DELETE", "/v1/models/half_plus_two"),
        ("PATCH", "/v1/models/half_plus_two"),
    ],
)
def test_malformed(rest: Rest, method: str, target: str) -> None:
    """Any other method or path below /v1/ is 400, and is told so."""
    answer = rest.ask(method, target, ROWS if method in {"POST", "PUT"} else b"")
    assert (answer.status, answer.error) == (400, f"Malformed request: {method} {target}")


def test_head_is_malformed(rest: Rest) -> None:
    """HEAD is refused like PUT, though its answer can have no body."""
    answer = rest.ask("HEAD", "/v1/models/half_plus_two")
    assert (answer.status, answer.body) == (400, b"")


@pytest.mark.parametrize("target", ["/v1/models", "/v1/models/versions/1"])
def test_no_name(rest: Rest, target: str) -> None:
    """There is no list of all models."""
    answer = rest.get(target)
    assert (answer.status, answer.error) == (400, "Missing model name in request.")


def test_name_that_reads_as_a_word_of_the_path(rest: Rest) -> None:
    """/v1/models/metadata is a model of that name."""
    answer = rest.get("/v1/models/metadata")
    assert (answer.status, answer.error) == (404, "Could not find any versions of model metadata")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_version_too_large(rest: Rest, method: str) -> None:
    """A version above int64 is 400; the stock server has a message for it, which does not reach the body."""
    verb = ":predict" if method == "POST" else ""
    answer = rest.ask(method, f"/v1/models/half_plus_two/versions/18446744073709551615{verb}", ROWS)
    message = "Failed to convert version: 18446744073709551615 to numeric."
    assert answer.status == 400
    assert not answer.body or answer.error == message


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("target", ["/", "/v1", "/v2/models/half_plus_two", "/half_plus_two:predict", "/healthz"])
def test_outside(rest: Rest, method: str, target: str) -> None:
    """Outside /v1/ there is nothing but a page of HTML."""
    answer = rest.ask(method, target)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<" in answer.body


@pytest.mark.parametrize("target", ["/v1/models/nobody", "/v1/models/a%2Fb%3Ac", "/v1/models/half_plus_two%20"])
def test_unknown_model(rest: Rest, target: str) -> None:
    """A name is what is left when it is no longer escaped."""
    name = target.rpartition("/")[2].replace("%2F", "/").replace("%3A", ":").replace("%20", " ")
    answer = rest.get(target)
    assert (answer.status, answer.error) == (404, f"Could not find any versions of model {name}")
