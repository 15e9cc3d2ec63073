"""gRPC: Predict, and how a ModelSpec chooses what answers."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from tests.conformance.grpc_api import Grpc, failure, predict_request, spec
from tests.conformance.models import TYPES

VALUES: dict[str, Any] = {"bool": [True, False], "string": [b"a", b"\xff"]}


@pytest.mark.parametrize(
    ("model_spec", "version", "signature", "y"),
    [
        (spec("half_plus_two"), 123, "serving_default", 3.0),
        (spec("half_plus_two", signature="serving_default"), 123, "serving_default", 3.0),
        (spec("half_plus_two", version=123), 123, "serving_default", 3.0),
        (spec("versions"), 2, "serving_default", 4.0),
        (spec("versions", version=1), 1, "serving_default", 3.0),
        (spec("versions", label="stable"), 1, "serving_default", 3.0),
        (spec("versions", label="canary"), 2, "serving_default", 4.0),
        (spec("versions", label="newest"), 2, "serving_default", 4.0),
        (spec("odd/name:x"), 123, "serving_default", 3.0),
    ],
)
def test_model_spec(grpc_api: Grpc, model_spec: Any, version: int, signature: str, y: float) -> None:
    """Version, label or neither choose; the answer names the model, the version and the signature, never a label."""
    answer = grpc_api.predict(predict_request(model_spec, {"x": [2.0]}))
    assert answer.model_spec == spec(model_spec.name, version, signature=signature)
    assert tf.make_ndarray(answer.outputs["y"]).tolist() == [y]


def test_any_signature_can_predict(grpc_api: Grpc) -> None:
    """Predict runs signatures of classifications and regressions too, and echoes their names."""
    for name, output in (("classify_x2_to_y3", "scores"), ("classify_x_to_y", "scores"), ("regress_x_to_y", "outputs")):
        example = tf.train.Example()
        example.features.feature["x"].float_list.value.append(2.0)
        fed: Any = [[2.0]] if "x2" in name else np.array([example.SerializeToString()])
        answer = grpc_api.predict(predict_request(spec("half_plus_two", signature=name), {"inputs": fed}))
        assert answer.model_spec.signature_name == name
        assert tf.make_ndarray(answer.outputs[output]).tolist() == [[4.0 if "x2" in name else 3.0]]


@pytest.mark.parametrize(
    ("outputs", "returned"),
    [
        ((), {"sum", "difference"}),
        (("sum",), {"sum"}),
        (("difference",), {"difference"}),
        (("difference", "sum"), {"sum", "difference"}),
    ],
)
def test_output_filter(grpc_api: Grpc, outputs: tuple[str, ...], returned: set[str]) -> None:
    """A filter leaves out the outputs that it does not name, and none if it is empty."""
    answer = grpc_api.predict(predict_request(spec("two_by_two"), {"a": [3.0], "b": [1.0]}, outputs))
    values = {"sum": 4.0, "difference": 2.0}
    assert {alias: tf.make_ndarray(found).item() for alias, found in answer.outputs.items()} == {
        alias: values[alias] for alias in returned
    }


def test_signatures_without_inputs(grpc_api: Grpc) -> None:
    """A signature needs no inputs; each request runs it once."""
    names = ("reset_counter", "incr_counter", "incr_counter", "get_counter")
    answers = [grpc_api.predict(predict_request(spec("counter", signature=name), {})) for name in names]
    assert [tf.make_ndarray(answer.outputs["output"]).item() for answer in answers] == [0.0, 1.0, 2.0, 2.0]
    by = grpc_api.predict(predict_request(spec("counter", signature="incr_counter_by"), {"delta": 5.0}))
    assert tf.make_ndarray(by.outputs["output"]).item() == 7.0


def test_defaults(grpc_api: Grpc) -> None:
    """An input with a default in the signature may be left out, and may be given."""
    ten = spec("two_by_two", signature="b_is_ten")
    for inputs, total in (({"a": [3.0]}, 13.0), ({"a": [3.0], "b": [1.0]}, 4.0)):
        answer = grpc_api.predict(predict_request(ten, inputs, ["sum"]))
        assert tf.make_ndarray(answer.outputs["sum"]).tolist() == [total]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (2,), (1, 2), (2, 1, 1)])
def test_types_and_shapes(grpc_api: Grpc, dtype: str, shape: tuple[int, ...]) -> None:
    """Every type comes back as it went, in its typed field and not as tensor_content."""
    values = VALUES.get(dtype, [1, 2])[: math.prod(shape)]
    sent = tf.make_tensor_proto(np.reshape(values, shape).tolist(), dtype)
    answer = grpc_api.predict(predict_request(spec("types", signature=dtype), {"x": sent})).outputs["y"]
    assert (answer.dtype, answer.tensor_shape, answer.tensor_content) == (sent.dtype, sent.tensor_shape, b"")
    np.testing.assert_array_equal(tf.make_ndarray(answer), tf.make_ndarray(sent))


@pytest.mark.parametrize("shape", [[], [0], [0, 3]])
def test_scalars_and_nothing(grpc_api: Grpc, shape: list[int]) -> None:
    """A scalar stays one, and no rows are no error."""
    answer = grpc_api.predict(predict_request(spec("half_plus_two"), {"x": np.zeros(shape, np.float32)})).outputs["y"]
    assert [dim.size for dim in answer.tensor_shape.dim] == shape
    assert list(answer.float_val) == [2.0] * (not shape)


def test_content_or_fields(grpc_api: Grpc) -> None:
    """A request's tensor may be bytes or numbers, and one number may stand for all."""
    content = tf.make_tensor_proto(np.array([2.0, 2.0], np.float32))
    assert content.tensor_content
    fields, repeated = (type(content)(dtype=content.dtype, tensor_shape=content.tensor_shape) for _ in range(2))
    fields.float_val.extend([2.0, 2.0])
    repeated.float_val.append(2.0)
    for sent in (content, fields, repeated):
        answer = grpc_api.predict(predict_request(spec("half_plus_two"), {"x": sent}))
        assert list(answer.outputs["y"].float_val) == [3.0, 3.0]


def test_large_messages(grpc_api: Grpc) -> None:
    """Messages are not held to gRPC's 4 MiB, either way."""
    x = np.arange(3_000_000, dtype=np.float32)
    answer = grpc_api.predict(predict_request(spec("half_plus_two"), {"x": x}))
    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["y"]), x * 0.5 + 2.0)


def test_many_at_once(grpc_api: Grpc) -> None:
    """Requests at the same time get their own answers."""
    answers: dict[int, float] = {}

    def ask(number: int) -> None:
        answers[number] = grpc_api.y("versions", number, version=1 + number % 2)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: 0.5 * number + 2.0 + number % 2 for number in range(64)}


def test_deadline(grpc_api: Grpc) -> None:
    """A request that takes longer than its client will wait ends with DEADLINE_EXCEEDED; the next is answered."""
    request = predict_request(spec("slow"), {"x": [2.0], "seconds": [3.0]})
    assert failure(grpc_api.predict, request, timeout=0.5)[0] == StatusCode.DEADLINE_EXCEEDED
    answer = grpc_api.predict(predict_request(spec("slow"), {"x": [2.0], "seconds": [0.0]}))
    assert list(answer.outputs["y"].float_val) == [3.0]
