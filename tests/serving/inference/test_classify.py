from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serving.server.inference import classify
from serving.server.servable import Array, Servable, Signature
from tests.serving.inference.models import CLASSIFY, PREDICT, fails, floats, model, signature, strings
from tests.serving.lifecycle.worlds import refusal

BOTH = signature("inputs", "scores classes")
EXAMPLES = [b"first", b"second"]


def answering(classes: Any = None, scores: Any = None, outputs: str = "scores classes") -> Servable:
    """A classifier that answers this whatever it is asked."""
    given = {"classes": classes, "scores": scores}
    return model(lambda _: given, signature("inputs", outputs))


def lists(found: tuple[Array | None, Array | None]) -> list[Any]:
    """Arrays as lists."""
    return [array.tolist() if array is not None else None for array in found]


def test_the_examples_are_one_vector_of_texts() -> None:
    """Serialised examples are fed as they are, to the one input."""
    fed: list[Array] = []

    def keep(feeds: dict[str, Array]) -> dict[str, Array]:
        fed.append(feeds["inputs"])
        return {"classes": strings([b"a"], [b"b"]), "scores": floats([1], [0])}

    classify.run(model(keep, BOTH), "serving_default", EXAMPLES)
    assert (fed[0].tolist(), fed[0].shape, fed[0].dtype) == (EXAMPLES, (2,), np.dtype(object))


def test_classes_and_scores() -> None:
    """A signature of two outputs gives both, whichever comes first; one that lacks is None."""
    classes, scores = strings([b"a", b"b"], [b"c", b"d"]), floats([1, 0], [0, 1])
    found = classify.run(answering(classes, scores), "serving_default", EXAMPLES)
    assert lists(found) == [classes.tolist(), scores.tolist()]
    assert lists(classify.run(answering(classes, None, "classes"), "serving_default", EXAMPLES)) == [
        classes.tolist(),
        None,
    ]
    assert lists(classify.run(answering(None, scores, "scores"), "serving_default", EXAMPLES)) == [
        None,
        scores.tolist(),
    ]


def test_an_output_that_is_neither_is_not_looked_at() -> None:
    """Next to scores there may be another one, as upstream."""
    found = classify.run(answering(None, floats([1], [2]), "scores other"), "serving_default", EXAMPLES)
    assert lists(found) == [None, [[1], [2]]]


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        (signature("inputs more", "scores"), "INVALID_ARGUMENT", "Expected one input Tensor."),
        (signature("", "scores"), "INVALID_ARGUMENT", "Expected one input Tensor."),
        (
            signature("inputs", "scores classes more"),
            "INVALID_ARGUMENT",
            "Expected one or two output Tensors, found 3",
        ),
        (signature("inputs", ""), "INVALID_ARGUMENT", "Expected one or two output Tensors, found 0"),
        (
            signature("examples", "scores"),
            "FAILED_PRECONDITION",
            "No classification inputs found in SignatureDef: serving_default",
        ),
        (
            signature("inputs", "probabilities"),
            "FAILED_PRECONDITION",
            (
                'Expected classification signature outputs to contain at least one of "classes" or "scores". '
                "Signature was: ['probabilities']"
            ),
        ),
        (
            signature("inputs", "scores", method=PREDICT, is_strict=True),
            "INVALID_ARGUMENT",
            (
                "Expected classification signature method_name to be tensorflow/serving/classify. "
                "Was: tensorflow/serving/predict"
            ),
        ),
    ],
)
def test_signatures_that_are_no_classifiers(form: Signature, code: str, message: str) -> None:
    """The graph is not run."""
    assert refusal(lambda: classify.run(model(fails, form), "serving_default", EXAMPLES)) == (code, message)


def test_a_strict_classifier() -> None:
    """With the check of method names, one that says it is one is one."""
    form = signature("inputs", "scores", method=CLASSIFY, is_strict=True)
    found = classify.run(model(lambda _: {"scores": floats([1], [2])}, form), "serving_default", EXAMPLES)
    assert lists(found) == [None, [[1], [2]]]


def test_a_signature_that_is_not_there() -> None:
    """Its name is told."""
    assert refusal(lambda: classify.run(model(fails), "s", EXAMPLES)) == (
        "INVALID_ARGUMENT",
        "No signature was found with the name: s",
    )


@pytest.mark.parametrize(
    ("classes", "scores", "message"),
    [
        (strings(b"a", b"b"), floats([1], [1]), "Expected Tensor shape: [batch_size num_classes] but got [2]"),
        (strings([b"a"], [b"b"]), floats(1, 2), "Expected Tensor shape: [batch_size num_classes] but got [2]"),
        (floats([1], [1]), floats([1], [1]), "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
        (
            strings([b"a"], [b"b"]),
            floats([1], [1]).astype("float64"),
            "Expected scores Tensor of DT_FLOAT. Got: DT_DOUBLE",
        ),
        (strings([b"a"]), floats([1], [1]), "Expected classes output batch size of 2. Got: 1"),
        (strings([b"a"], [b"b"]), floats([1]), "Expected scores output batch size of 2. Got: 1"),
        (
            strings([b"a"], [b"b"]),
            floats([1, 2], [1, 2]),
            "Tensors class and score should match in dim_size(1). Got 1 vs. 2",
        ),
    ],
)
def test_answers_that_are_no_classes(classes: Array, scores: Array, message: str) -> None:
    """What the graph gives must be a row of classes for each example."""
    servable = answering(classes, scores)
    assert refusal(lambda: classify.run(servable, "serving_default", EXAMPLES)) == ("INVALID_ARGUMENT", message)


def test_the_message() -> None:
    """Each example has its classes; a label or a score that the model does not give is empty."""
    both = classify.result(strings([b"a", b"\xff"]), floats([0.5, 1]))
    assert [(each.label, each.score) for each in both.classifications[0].classes] == [
        ("a", 0.5),
        ("\N{REPLACEMENT CHARACTER}", 1),
    ]
    labels = classify.result(strings([b"a"], [b"b"]), None)
    assert [[each.label for each in row.classes] for row in labels.classifications] == [["a"], ["b"]]
    scores = classify.result(None, floats([1], [2]))
    assert [[(each.label, each.score) for each in row.classes] for row in scores.classifications] == [
        [("", 1)],
        [("", 2)],
    ]
