from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tensorflow_serving.apis.inference_pb2 import InferenceTask

from serving.server.batching.fakes import FunctionSession
from serving.server.inference import multi
from serving.server.servable import Servable
from tests.serving.inference.models import CLASSIFY, PREDICT, REGRESS, fails, floats, model, signature, strings
from tests.serving.lifecycle.worlds import refusal

EXAMPLES = [b"first", b"second"]
SIGNATURES = [
    signature("inputs", "outputs", "serving_default"),
    signature("inputs", "classes scores", "classify"),
    signature("inputs", "scores", "scores"),
    signature("examples", "scores", "other"),
    signature("inputs", "probabilities", "none"),
    signature("inputs", "outputs", "strict", PREDICT, is_strict=True),
]


def task(method: str, key: str = "", name: str = "m") -> Any:
    """One task of a request."""
    made = InferenceTask(method_name=method)
    made.model_spec.name = name
    made.model_spec.signature_name = key
    return made


def servable() -> Servable:
    """A regressor and two classifiers in one graph."""
    tensors = {"outputs": floats(1, 2), "classes": strings([b"a"], [b"b"]), "scores": floats([3], [4])}
    return model(lambda _: tensors, *SIGNATURES)


def test_tasks_are_answered_in_their_order() -> None:
    """Each task gets its own kind of answer, with the model's version and its signature's name."""
    response = multi.run(servable(), [task(CLASSIFY, "classify"), task(REGRESS), task(CLASSIFY, "scores")], EXAMPLES)
    specs = [each.model_spec for each in response.results]
    assert {(spec.name, spec.version.value) for spec in specs} == {("m", 3)}
    assert [spec.signature_name for spec in specs] == ["classify", "serving_default", "scores"]
    classified, regressed, scored = response.results
    assert [row.classes[0].label for row in classified.classification_result.classifications] == ["a", "b"]
    assert [each.value for each in regressed.regression_result.regressions] == [1, 2]
    assert [row.classes[0].score for row in scored.classification_result.classifications] == [3, 4]


def test_the_graph_runs_once() -> None:
    """All tasks share one call, and its deadline."""
    session = FunctionSession(lambda _: [floats(1, 2), floats([3], [4])])
    shared = Servable("m", 3, servable().path, {each.key: each for each in SIGNATURES}, {}, session)
    multi.run(shared, [task(REGRESS), task(CLASSIFY, "scores")], EXAMPLES, 1e9)
    assert [values[0].tolist() for values in session.calls] == [EXAMPLES]
    assert session.deadlines == [1e9]


@pytest.mark.parametrize(
    ("tasks", "code", "message"),
    [
        ([task(REGRESS, "s")], "INVALID_ARGUMENT", "Requested signature not found in model graph: s"),
        (
            [task(REGRESS), task(REGRESS, "serving_default")],
            "INVALID_ARGUMENT",
            "Duplicate evaluation of signature: serving_default",
        ),
        (
            [task(PREDICT)],
            "UNIMPLEMENTED",
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        ([task("")], "UNIMPLEMENTED", "Unsupported signature method_name: "),
        (
            [task(REGRESS), task(CLASSIFY, "other")],
            "FAILED_PRECONDITION",
            "No classification inputs found in SignatureDef: other",
        ),
        (
            [task(REGRESS, "none")],
            "FAILED_PRECONDITION",
            "No regression outputs found in SignatureDef: none",
        ),
        (
            [task(REGRESS, "strict")],
            "INVALID_ARGUMENT",
            (
                "Expected regression signature method_name to be tensorflow/serving/regress. "
                "Was: tensorflow/serving/predict"
            ),
        ),
    ],
)
def test_tasks_that_cannot_be_done(tasks: list[Any], code: str, message: str) -> None:
    """The graph is not run for any of them."""
    refused = model(fails, *SIGNATURES)
    assert refusal(lambda: multi.run(refused, tasks, EXAMPLES)) == (code, message)


def test_tasks_on_two_inputs() -> None:
    """All signatures must read the same tensor."""
    one = signature("inputs", "outputs", "one")
    other_tensor = {"inputs": replace(one.inputs["inputs"], name="another:0")}
    other = replace(one, key="two", inputs=other_tensor)
    assert refusal(
        lambda: multi.run(model(fails, one, other), [task(REGRESS, "one"), task(REGRESS, "two")], EXAMPLES)
    ) == (
        "INVALID_ARGUMENT",
        "Input tensor must be the same for all Signatures.",
    )


def test_an_answer_of_the_wrong_shape_is_told() -> None:
    """Answers are checked as those of Regress and Classify."""
    wrong = model(lambda _: {"outputs": floats(1)}, *SIGNATURES)
    assert refusal(lambda: multi.run(wrong, [task(REGRESS)], EXAMPLES)) == (
        "INVALID_ARGUMENT",
        "Input batch size did not match output batch size: 2 vs. 1",
    )


def test_the_first_task_names_the_model() -> None:
    """Its version or label counts."""
    first = task(REGRESS)
    first.model_spec.version.value = 7
    assert multi.spec_of([first, task(CLASSIFY)]) == first.model_spec


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([], "Inference request must have at least one task."),
        (
            [task(REGRESS), task(REGRESS, name="n")],
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
    ],
)
def test_tasks_of_no_one_model(tasks: list[Any], message: str) -> None:
    """No task at all, or tasks of two models, are refused."""
    assert refusal(lambda: multi.spec_of(tasks)) == ("INVALID_ARGUMENT", message)
