from __future__ import annotations

import time

import pytest

from serving.server.batching.fakes import FunctionSession
from serving.server.inference import predict
from serving.server.servable import Servable, Signature
from serving.server.status import invalid_argument
from tests.serving.inference.models import CLASSIFY, REGRESS, fails, floats, model, signature
from tests.serving.lifecycle.worlds import refusal

TWO = signature("a b", "sum difference")
B_IS_TEN = signature("a b", "sum difference", defaults={"b": floats(10)})
ONE = signature("x", "y")


def two() -> Servable:
    """Sum and difference of a and b."""
    return model(lambda x: {"sum": x["a"] + x["b"], "difference": x["a"] - x["b"]}, TWO)


def test_all_outputs() -> None:
    """Each input is fed to its own tensor, and without a filter there are all outputs, by alias."""
    outputs = predict.run(two(), TWO, {"b": floats(1), "a": floats(5)})
    assert {alias: array.tolist() for alias, array in outputs.items()} == {"sum": [6], "difference": [4]}


@pytest.mark.parametrize("wanted", [["sum"], ["difference"], ["difference", "sum"], ["sum", "difference"]])
def test_an_output_filter(wanted: list[str]) -> None:
    """Only what is named is computed and answered, in any order, each under its own name."""
    outputs = predict.run(two(), TWO, {"a": floats(5), "b": floats(1)}, wanted)
    assert list(outputs) == wanted
    assert all(outputs[alias].tolist() == {"sum": [6], "difference": [4]}[alias] for alias in wanted)


def test_only_the_filtered_outputs_are_fetched() -> None:
    """The graph is asked for no other tensor."""
    single = FunctionSession(lambda values: [values[0]])  # it has no second output
    servable = Servable("m", 1, two().path, {}, {}, single)
    assert predict.run(servable, TWO, {"a": floats(5), "b": floats(1)}, ["difference"])["difference"].tolist() == [5]


def test_a_signature_without_inputs() -> None:
    """It is run on nothing."""
    outputs = predict.run(model(lambda _: {"count": floats(1)}), signature("", "count"), {})
    assert outputs["count"].tolist() == [1]


def test_values_are_fed_as_they_are() -> None:
    """No shape or type is compared with the signature's: the graph says what it can take."""
    session = FunctionSession(list)
    servable = Servable("m", 1, two().path, {}, {}, session)
    scalar = floats(1).reshape(())
    predict.run(servable, ONE, {"x": scalar})
    assert session.calls[0][0] is scalar


def test_the_deadline_is_handed_on() -> None:
    """The session is told by when the answer is wanted."""
    session = FunctionSession(list)
    servable = Servable("m", 1, two().path, {}, {}, session)
    until = time.monotonic() + 100
    predict.run(servable, ONE, {"x": floats(1)}, None, until)
    assert session.deadlines == [until]


def test_a_default_stands_for_what_lacks() -> None:
    """And what is given counts more than the default."""
    assert predict.run(two(), B_IS_TEN, {"a": floats(5)})["sum"].tolist() == [15]
    assert predict.run(two(), B_IS_TEN, {"a": floats(5), "b": floats(1)})["sum"].tolist() == [6]


@pytest.mark.parametrize(
    ("form", "inputs", "message"),
    [
        (
            ONE,
            "a b",
            (
                "input size does not match signature: 2!=1 len({a,b}) != len({x}). "
                "Sent extra: {a,b}. Missing but required: {x}."
            ),
        ),
        (
            TWO,
            "b",
            (
                "input size does not match signature: 1!=2 len({b}) != len({a,b}). "
                "Sent extra: {}. Missing but required: {a}."
            ),
        ),
        (
            ONE,
            "",
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
        (
            B_IS_TEN,
            "a b c",
            (
                "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b}). "
                "Sent extra: {c}. Missing but required: {}."
            ),
        ),
        (
            ONE,
            "k",
            (
                "Signature input alias: x(feed name: x:0) not found in request and no default value provided. "
                "Inputs expected to be in the request {k}, or default input alias set: "
            ),
        ),
        (
            B_IS_TEN,
            "b",
            (
                "Signature input alias: a(feed name: a:0) not found in request and no default value provided. "
                "Inputs expected to be in the request {b}, or default input alias set: b"
            ),
        ),
        (B_IS_TEN, "a c", "Inputs contains invalid name. Used request inputs: a, request input: a,c"),
    ],
)
def test_inputs_that_are_not_the_signatures(form: Signature, inputs: str, message: str) -> None:
    """The message is TensorFlow Serving's to the letter, and the graph is not run."""
    given = {alias: floats(1) for alias in inputs.split()}
    assert refusal(lambda: predict.run(model(fails), form, given)) == ("INVALID_ARGUMENT", message)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["o"], "output tensor alias not found in signature: o Outputs expected to be in the set {difference,sum}."),
        (["sum", "sum"], "duplicate output tensor alias: sum"),
        (
            ["sum", "o"],
            "output tensor alias not found in signature: o Outputs expected to be in the set {difference,sum}.",
        ),
    ],
)
def test_outputs_that_are_not_the_signatures(wanted: list[str], message: str) -> None:
    """So it is for outputs."""
    inputs = {"a": floats(1), "b": floats(1)}
    assert refusal(lambda: predict.run(model(fails), TWO, inputs, wanted)) == ("INVALID_ARGUMENT", message)


def test_inputs_are_checked_before_outputs() -> None:
    """Of two errors the inputs' is told."""
    assert "input size" in refusal(lambda: predict.run(model(fails), ONE, {}, ["o"]))[1]


def test_the_sessions_error_is_the_requests() -> None:
    """What the graph fails with is what the client reads."""

    def refuse(_: object) -> dict[str, float]:
        raise invalid_argument("Matrix size-incompatible")

    assert refusal(lambda: predict.run(model(refuse), ONE, {"x": floats(1)})) == (
        "INVALID_ARGUMENT",
        "Matrix size-incompatible",
    )


@pytest.mark.parametrize("method", [predict.METHODS[0], CLASSIFY, REGRESS])
def test_strict_signatures_of_a_known_method(method: str) -> None:
    """With the check of method names, predict may call signatures of the three methods that there are."""
    strict = signature("x", "y", method=method, is_strict=True)
    assert predict.run(model(lambda x: {"y": x["x"]}), strict, {"x": floats(1)})["y"].tolist() == [1]


def test_strict_signatures_of_another_method() -> None:
    """No other; without the check they may."""
    strict = signature("x", "y", method="mine", is_strict=True)
    assert refusal(lambda: predict.run(model(fails), strict, {"x": floats(1)})) == (
        "INTERNAL",
        (
            "Expected prediction signature method_name to be one of {tensorflow/serving/predict, "
            "tensorflow/serving/classify, tensorflow/serving/regress}. Was: mine"
        ),
    )
    lax = signature("x", "y", method="mine")
    assert predict.run(model(lambda x: {"y": x["x"]}), lax, {"x": floats(1)})["y"].tolist() == [1]
