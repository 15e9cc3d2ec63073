from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow import make_ndarray, make_tensor_proto
from tensorflow.core.framework.tensor_pb2 import TensorProto

from serving.client import Signature, Tensor, json_tensors
from serving.client.tensors import to_array, to_proto

NUMBERS = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool")
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = st.sampled_from(NUMBERS).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))
TEXTS = hnp.arrays(object, SHAPES, elements=st.binary(max_size=5), fill=st.nothing())


@given(ARRAYS | TEXTS)
def test_tensorflow_reads_what_is_written(array: Any) -> None:
    """Any array of any shape is, to TensorFlow's own reader, the same again."""
    np.testing.assert_array_equal(make_ndarray(to_proto(array)), array)


@given(ARRAYS | TEXTS)
def test_what_a_server_writes_is_read(array: Any) -> None:
    """Values in the field of their type, as model servers answer, come back with their shape."""
    proto = TensorProto(dtype=to_proto(array).dtype, tensor_shape=to_proto(array).tensor_shape)
    field = {"f": "float_val", "i": "int_val", "u": "int_val", "b": "bool_val", "O": "string_val"}[array.dtype.kind]
    field = {"float64": "double_val", "int64": "int64_val", "uint32": "uint32_val", "uint64": "uint64_val"}.get(
        str(array.dtype), field
    )
    if array.dtype == np.float16:
        proto.half_val.extend(array.view(np.uint16).ravel().tolist())
    else:
        getattr(proto, field).extend(array.ravel().tolist())
    read = to_array(TensorProto.FromString(proto.SerializeToString()))
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("value", [[1.5, 2.5], [1, 2], [True], [b"a", b"b"]])
def test_a_value_that_stands_for_many_is_repeated(value: list[Any]) -> None:
    """TensorFlow's short form, whose last value fills the shape up, is read as it means it."""
    proto = make_tensor_proto(value, shape=[len(value)])
    proto.tensor_shape.dim[0].size = 5
    proto.ClearField("tensor_content")
    short = make_tensor_proto(value[-1], shape=[5])
    assert to_array(short).tolist() == [value[-1]] * 5


@given(hnp.arrays("float32", SHAPES) | hnp.arrays("float64", SHAPES))
def test_floats_in_json_are_the_same_floats(array: Any) -> None:
    """NaN and infinities are bare tokens, and every number reads as itself in its own precision."""
    read = json.loads(json_tensors.encode(array))
    np.testing.assert_array_equal(np.array(read, array.dtype).reshape(array.shape), array)


@given(hnp.arrays("int64", SHAPES) | hnp.arrays("uint64", SHAPES) | hnp.arrays("bool", SHAPES))
def test_integers_and_booleans_in_json_are_exact(array: Any) -> None:
    """To the last digit of 64 bits."""
    assert json.loads(json_tensors.encode(array)) == array.tolist()


@given(st.lists(st.text() | st.binary()))
def test_bytes_that_are_no_text_are_b64(values: list[str | bytes]) -> None:
    """Texts are JSON strings, as are bytes that are UTF-8; others are {"b64": …}; all come back as bytes."""
    values = [value for value in values if isinstance(value, bytes) or value.isprintable()]
    body = json_tensors.request("s", {"t": np.array([*values, None], object)[:-1]})
    answer = {"outputs": json_tensors.parse(body)["inputs"]["t"]}
    outputs = json_tensors.outputs(answer, Signature("s", {}, {"t": Tensor("t", "string", (-1,))}))
    assert outputs["t"].tolist() == [value.encode() if isinstance(value, str) else value for value in values]


def test_a_request_is_what_the_protocol_says() -> None:
    """The columnar format, with a column of each kind."""
    columns = {"x": np.array([0.1, math.nan], np.float32), "n": np.array([1, 2]), "t": np.array(["a", b"\xff"], object)}
    assert json.loads(json_tensors.request('a"b', columns).replace(b"NaN", b'"NaN"')) == {
        "signature_name": 'a"b',
        "inputs": {"x": [0.1, "NaN"], "n": [1, 2], "t": ["a", {"b64": "/w=="}]},
    }


def test_answers_may_hold_what_json_may_not() -> None:
    """NaN, infinities, and bytes that are no UTF-8, which model servers pass through."""
    answer = json_tensors.parse(b'{"outputs": {"y": [NaN, -Infinity, 9e+06], "t": [["\xff"], ["b"], ["c"]]}}')
    tensors = {"y": Tensor("y", "float32", (-1,)), "t": Tensor("t", "string", (-1, 1))}
    outputs = json_tensors.outputs(answer, Signature("s", {}, tensors))
    np.testing.assert_array_equal(outputs["y"], np.array([math.nan, -math.inf, 9e6], np.float32))
    assert outputs["t"].tolist() == [["\ufffd".encode()], [b"b"], [b"c"]]
