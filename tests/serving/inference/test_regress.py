from __future__ import annotations

import numpy as np
import pytest

from serving.server.inference import regress
from serving.server.servable import Array, Signature
from tests.serving.inference.models import PREDICT, REGRESS, fails, floats, model, signature, strings
from tests.serving.lifecycle.worlds import refusal

EXAMPLES = [b"first", b"second"]
FORM = signature("inputs", "outputs")


@pytest.mark.parametrize("answer", [floats(1, 2), floats([1], [2])], ids=["vector", "column"])
def test_a_number_for_each_example(answer: Array) -> None:
    """A vector and a column of one number a row are the same answer."""
    found = regress.run(model(lambda _: {"outputs": answer}, FORM), "serving_default", EXAMPLES)
    assert (found.tolist(), found.shape, found.dtype) == ([1, 2], (2,), np.dtype(np.float32))


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        (signature("inputs more", "outputs"), "INVALID_ARGUMENT", "Expected one input Tensor."),
        (signature("inputs", "outputs more"), "INVALID_ARGUMENT", "Expected one output Tensor."),
        (
            signature("examples", "outputs"),
            "FAILED_PRECONDITION",
            "No regression inputs found in SignatureDef: serving_default",
        ),
        (
            signature("inputs", "scores"),
            "FAILED_PRECONDITION",
            "No regression outputs found in SignatureDef: serving_default",
        ),
        (
            signature("inputs", "outputs", method=PREDICT, is_strict=True),
            "INVALID_ARGUMENT",
            (
                "Expected regression signature method_name to be tensorflow/serving/regress. "
                "Was: tensorflow/serving/predict"
            ),
        ),
    ],
)
def test_signatures_that_are_no_regressors(form: Signature, code: str, message: str) -> None:
    """The graph is not run."""
    assert refusal(lambda: regress.run(model(fails, form), "serving_default", EXAMPLES)) == (code, message)


def test_a_strict_regressor() -> None:
    """With the check of method names, one that says it is one is one."""
    form = signature("inputs", "outputs", method=REGRESS, is_strict=True)
    found = regress.run(model(lambda _: {"outputs": floats(1, 2)}, form), "serving_default", EXAMPLES)
    assert found.tolist() == [1, 2]


def test_a_signature_that_is_not_there() -> None:
    """Its name is told."""
    assert refusal(lambda: regress.run(model(fails), "s", EXAMPLES)) == (
        "INVALID_ARGUMENT",
        "No signature was found with the name: s",
    )


SHAPE = "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (floats([1, 2], [3, 4]), f"{SHAPE}[2,2]"),
        (floats([[1]], [[2]]), f"{SHAPE}[2,1,1]"),
        (np.float32(1).reshape(()), f"{SHAPE}[]"),
        (floats(1), "Input batch size did not match output batch size: 2 vs. 1"),
        (floats([1], [2], [3]), "Input batch size did not match output batch size: 2 vs. 3"),
        (floats(1, 2).astype(np.float64), "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE"),
        (strings(b"a", b"b"), "Expected output Tensor of DT_FLOAT.  Got: DT_STRING"),
    ],
)
def test_answers_that_are_no_numbers(answer: Array, message: str) -> None:
    """What the graph gives must be a float32 for each example."""
    servable = model(lambda _: {"outputs": answer}, FORM)
    assert refusal(lambda: regress.run(servable, "serving_default", EXAMPLES)) == ("INVALID_ARGUMENT", message)


def test_the_message() -> None:
    """Each example has its number."""
    assert [each.value for each in regress.result(floats(1.5, np.inf)).regressions] == [1.5, np.inf]
