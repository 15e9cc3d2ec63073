"""The models that the tests ask, before any server has them.

All but the slow one: its clock is refused where another test has made TensorFlow deterministic, for good.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conformance.models import example, in_process
from tests.conformance.shelf import Shelf

ONE = [example(x=2.0).SerializeToString()]


@pytest.mark.parametrize(
    ("model", "signature", "inputs", "outputs"),
    [
        ("half_plus_two/123", "serving_default", {"x": [[1.0], [2.0]]}, {"y": [[2.5], [3.0]]}),
        ("half_plus_two/123", "classify_x_to_y", {"inputs": ONE}, {"scores": [[3.0]]}),
        ("half_plus_two/123", "regress_x_to_y2", {"inputs": ONE}, {"outputs": [[4.0]]}),
        ("versions/2", "serving_default", {"x": [[1.0]]}, {"y": [[3.5]]}),
        ("tf2_half_plus_two/1", "serving_default", {"x": [[1.0]]}, {"y": [[2.5]]}),
        ("two_by_two/1", "serving_default", {"a": [3.0], "b": [1.0]}, {"sum": [4.0], "difference": [2.0]}),
        ("texts/1", "bytes", {"text": [b"\xff"]}, {"echo_bytes": [b"\xff"]}),
        ("types/1", "uint64", {"x": [2**63]}, {"y": [2**63]}),
        ("shapes/1", "product", {"x": [[1.0, 2.0]]}, {"y": [[21.0]]}),
        ("counter/1", "incr_counter", {}, {"output": 1.0}),
        ("classes/1", "serving_default", {"inputs": ONE}, {"classes": [[b"yes", b"no"]], "scores": [[2.0, -1.0]]}),
    ],
)
def test_model_answers(
    shelf: Shelf, model: str, signature: str, inputs: dict[str, Any], outputs: dict[str, Any]
) -> None:
    """A session of TensorFlow's own answers what the tests expect of servers."""
    answer = in_process(shelf.folder / model, signature, inputs)
    assert answer.keys() == outputs.keys()
    for alias, expected in outputs.items():
        np.testing.assert_array_equal(answer[alias], np.array(expected, answer[alias].dtype))
