"""The same failure over gRPC and over REST: a code, and the HTTP status that stands for it."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode

from tests.conformance.grpc_api import Grpc, failure, predict_request, spec
from tests.conformance.rest import Rest


@pytest.mark.parametrize(
    ("model_spec", "target", "inputs", "code", "status"),
    [
        (spec("nobody"), "nobody", {"x": [1.0]}, StatusCode.NOT_FOUND, 404),
        (spec("versions", label="L"), "versions/labels/L", {"x": [1.0]}, StatusCode.INVALID_ARGUMENT, 400),
        (spec("two_by_two"), "two_by_two", {"a": [1.0, 2.0], "b": [1.0, 2.0, 3.0]}, StatusCode.INVALID_ARGUMENT, 400),
    ],
)
def test_codes(
    rest: Rest, grpc_api: Grpc, model_spec: Any, target: str, inputs: dict[str, Any], code: StatusCode, status: int
) -> None:
    """A code over gRPC is its status over REST, with the same message."""
    failed, said = failure(grpc_api.predict, predict_request(model_spec, inputs))
    answer = rest.post(f"{target}:predict", {"inputs": inputs})
    assert (failed, answer.status) == (code, status)
    assert answer.error == said


def test_unimplemented(rest: Rest) -> None:
    """UNIMPLEMENTED is 501; the statuses of servers that are busy or late are shown where requests are batched."""
    assert rest.post("types:predict", {"signature_name": "half", "inputs": 1.0}).status == 501
