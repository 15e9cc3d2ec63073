"""gRPC: Classify, Regress and MultiInference."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.grpc_api import Grpc, classify_request, examples, multi_request, regress_request, spec
from tests.conformance.models import CLASSIFY, REGRESS, example

ONE = examples(example(x=2.0))


def classified(result: Any) -> list[list[tuple[str, float]]]:
    """The labels and scores of each example."""
    return [[(each.label, each.score) for each in found.classes] for found in result.classifications]


@pytest.mark.parametrize(
    ("model_spec", "given", "result"),
    [
        (spec("half_plus_two", signature="classify_x_to_y"), ONE, [[("", 3.0)]]),
        (
            spec("half_plus_two", signature="classify_x_to_y"),
            examples(example(x=2.0), example(x=2.0)),
            [[("", 3.0)]] * 2,
        ),
        (spec("classes"), examples(example(x=0.25)), [[("yes", 0.25), ("no", 0.75)]]),
        (spec("classes", signature="named_predict"), examples(example(x=0.25)), [[("yes", 0.25), ("no", 0.75)]]),
        (spec("classes", signature="only_classes"), ONE, [[("yes", 0.0), ("no", 0.0)]]),
        (spec("versions", label="stable", signature="classify_x_to_y"), ONE, [[("", 3.0)]]),
        (spec("versions", signature="classify_x_to_y"), ONE, [[("", 4.0)]]),
    ],
)
def test_classify(grpc_api: Grpc, model_spec: Any, given: Any, result: list[Any]) -> None:
    """Each example gets labels and scores, whatever method the signature names."""
    assert classified(grpc_api.classify(classify_request(model_spec, given)).result) == result


@pytest.mark.parametrize(
    ("model_spec", "given", "values"),
    [
        (spec("half_plus_two", signature="regress_x_to_y"), ONE, [3.0]),
        (spec("half_plus_two", signature="regress_x_to_y2"), examples(example(x=2.0), example(x=4.0)), [4.0, 5.0]),
        (spec("classes", signature="rank_1"), examples(example(x=2.0), example(x=4.0)), [3.0, 4.0]),
        (spec("versions", version=1, signature="regress_x_to_y"), ONE, [3.0]),
    ],
)
def test_regress(grpc_api: Grpc, model_spec: Any, given: Any, values: list[float]) -> None:
    """Each example gets a number, from outputs of shape [n] or [n, 1]."""
    result = grpc_api.regress(regress_request(model_spec, given)).result
    assert [each.value for each in result.regressions] == values


@pytest.mark.parametrize(
    ("context", "made", "values"),
    [
        (example(x=2.0), [example(), example()], [3.0, 3.0]),
        (example(x=2.0), [example(x=4.0)], [4.0]),
        (example(y=b"unused"), [example(x=2.0)], [3.0]),
    ],
)
def test_context(grpc_api: Grpc, context: Any, made: list[Any], values: list[float]) -> None:
    """A context is merged into each example, whose own features win."""
    request = regress_request(spec("half_plus_two", signature="regress_x_to_y"), examples(*made, context=context))
    assert [each.value for each in grpc_api.regress(request).result.regressions] == values


@pytest.mark.parametrize("made", [spec("versions"), spec("versions", version=2), spec("versions", label="canary")])
def test_model_spec(grpc_api: Grpc, made: Any) -> None:
    """The answer names the model, the version and the signature, never a label."""
    for method, call, request_of in (
        ("classify", grpc_api.classify, classify_request),
        ("regress", grpc_api.regress, regress_request),
    ):
        asked = spec()
        asked.CopyFrom(made)
        asked.signature_name = f"{method}_x_to_y"
        answer = call(request_of(asked, ONE))
        assert answer.model_spec == spec("versions", 2, signature=f"{method}_x_to_y")
    assert grpc_api.classify(classify_request(spec("classes"), ONE)).model_spec.signature_name == "serving_default"


def test_multi_inference(grpc_api: Grpc) -> None:
    """Several signatures answer the same examples, in the order that was asked."""
    tasks = [
        (spec("half_plus_two", signature="regress_x_to_y"), REGRESS),
        (spec("half_plus_two", signature="classify_x_to_y"), CLASSIFY),
        (spec("half_plus_two", signature="regress_x_to_y2"), REGRESS),
    ]
    results = grpc_api.multi_inference(multi_request(ONE, *tasks)).results
    assert [each.model_spec for each in results] == [
        spec("half_plus_two", 123, signature=task.signature_name) for task, _ in tasks
    ]
    assert [each.value for index in (0, 2) for each in results[index].regression_result.regressions] == [3.0, 4.0]
    assert classified(results[1].classification_result) == [[("", 3.0)]]


@pytest.mark.parametrize("first", [spec("versions", version=1), spec("versions", label="stable")])
def test_first_task_chooses_the_version(grpc_api: Grpc, first: Any) -> None:
    """Only the first task's version or label counts."""
    first.signature_name = "regress_x_to_y"
    second = spec("versions", version=2, signature="classify_x_to_y")
    results = grpc_api.multi_inference(multi_request(ONE, (first, REGRESS), (second, CLASSIFY))).results
    assert results[0].regression_result.regressions[0].value == 3.0
    assert classified(results[1].classification_result) == [[("", 3.0)]]
    assert [each.model_spec.version.value for each in results] == [1, 1]
