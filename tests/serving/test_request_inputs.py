"""The inputs of a PredictRequest, as official clients write them and as nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from serving.server import request_inputs
from serving.server.protos import wire_pb2
from serving.server.request_inputs import RequestInputs, entry_of
from serving.server.status import StatusError
from serving.server.tensors import to_array
from tests.serving.test_tensors import Array, numbers, texts

aliases = st.sampled_from(["x", "y", "a name of two hundred characters " * 6, "ü"])


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    request_inputs._forms.clear()
    yield
    request_inputs._forms.clear()


def read(request: Any) -> dict[str, Array]:
    """What a server reads from an official message."""
    return RequestInputs(wire_pb2.PredictRequest.FromString(request.SerializeToString()).inputs).arrays()


def same(one: Array, other: Array) -> bool:
    """Whether type, shape and every bit are the same; of texts, every byte."""
    values = [array.tolist() if array.dtype == object else array.tobytes() for array in (one, other)]
    return one.dtype == other.dtype and one.shape == other.shape and values[0] == values[1]


def asked(**inputs: Any) -> Any:
    """A request as Python's official client makes it."""
    request = PredictRequest()
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return request


def floats(*values: float) -> Array:
    """A vector of 32 bits each."""
    return np.array(values, "f4")


@given(st.lists(st.tuples(aliases, numbers | texts), max_size=8))
def test_what_clients_write(inputs: list[tuple[str, Array]]) -> None:
    """Arrays of all types and shapes under any name, one after the other: each is read as its own message is."""
    for alias, array in inputs:
        request = PredictRequest()
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(array))
        tensor = wire_pb2.Tensor.FromString(request.inputs[alias].SerializeToString())
        (found,) = read(request).items()
        assert found[0] == alias
        assert same(found[1], to_array(tensor))


@pytest.mark.parametrize(
    "values",
    [
        [floats(1), floats(2)],
        [np.array([[1], [2]], "f8"), np.array([[3], [4]], "f8")],
        [np.array([1, 2], "i8"), np.array([3, 4], "i8")],
        [np.array([b"ab"], object), np.array([b"cd"], object)],
        [np.array(b"", object), np.array(b"", object)],
        [np.array(1, "f4"), np.array(np.nan, "f4")],
    ],
)
def test_an_input_like_one_before_is_read_by_its_values(values: list[Array], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two inputs of one name, type and shape only the first is parsed."""
    one, other = (asked(x=value) for value in values)
    assert same(read(one)["x"], np.asarray(values[0]))
    monkeypatch.setattr(request_inputs, "NamedTensor", None)
    assert same(read(other)["x"], np.asarray(values[1]))


@pytest.mark.parametrize(
    "other",
    [
        TensorProto(dtype=1, tensor_shape=tf.TensorShape([1]).as_proto(), float_val=[5], version_number=0),
        TensorProto(dtype=2, tensor_shape=tf.TensorShape([1]).as_proto(), tensor_content=b"12345678"),
        TensorProto(dtype=1, tensor_shape=tf.TensorShape([2]).as_proto(), float_val=[5, 6]),
        TensorProto(dtype=1, tensor_shape=tf.TensorShape([2]).as_proto(), float_val=[5]),
        TensorProto(dtype=1, tensor_shape=tf.TensorShape([1]).as_proto(), tensor_content=b"1234"),
        TensorProto(dtype=7, tensor_shape=tf.TensorShape([1]).as_proto(), string_val=[b"1234"]),
        TensorProto(dtype=3, tensor_shape=tf.TensorShape([1]).as_proto(), int_val=[5]),
        TensorProto(dtype=1, tensor_shape=tf.TensorShape([1]).as_proto(), float_val=[5], int_val=[1]),
    ],
)
def test_an_input_of_another_form_under_the_same_name(other: Any) -> None:
    """It is read as what it is, before and after those that were known."""
    request = PredictRequest()
    request.inputs["x"].CopyFrom(other)
    expected = to_array(wire_pb2.Tensor.FromString(other.SerializeToString()))
    for _ in range(2):
        assert same(read(asked(x=floats(1)))["x"], floats(1))
        assert same(read(request)["x"], expected)


def test_an_input_that_names_itself_last() -> None:
    """Fields in another order than clients write them are read as what they are, however often."""
    tensor = asked(x=floats(1)).inputs["x"].SerializeToString()
    value = b"\x12" + bytes([len(tensor)]) + tensor
    for _ in range(3):
        assert same(RequestInputs([value + b"\x0a\x01x"]).arrays()["x"], floats(1))


def test_an_input_that_comes_twice() -> None:
    """The last one counts, as in any map of protocol buffers, whether it is known or not."""
    one, two, other = entry_of("x", floats(1)), entry_of("x", floats(2)), entry_of("x", np.array([3], "i8"))
    for _ in range(2):
        assert RequestInputs([one, two]).arrays()["x"] == [2]
        assert RequestInputs([one, other]).arrays()["x"] == [3]
        assert RequestInputs([other, one]).arrays()["x"] == [1]


@given(st.binary(max_size=40), st.integers(0, 40), st.integers(0, 255))
def test_bytes_that_are_not_what_they_were(data: bytes, place: int, octet: int) -> None:
    """An input with other bytes is what a parser takes it for, or DecodeError, or no tensor; any bytes are."""
    entry = entry_of("x", floats(1))
    changed = bytearray(entry)
    changed[place % len(entry)] = octet
    assert same(RequestInputs([entry]).arrays()["x"], floats(1))
    for each in (data, bytes(changed), entry[:-1], entry + data):
        assert outcome(each) == parsed(each)


def outcome(entry: bytes) -> Any:
    """What becomes of an input."""
    try:
        return [(alias, array.tobytes()) for alias, array in RequestInputs([entry]).arrays().items()]
    except (DecodeError, StatusError) as error:
        return type(error)


def parsed(entry: bytes) -> Any:
    """What should."""
    try:
        named = wire_pb2.NamedTensor.FromString(entry)
        return [(named.key, to_array(named.value).tobytes())]
    except DecodeError:
        return DecodeError
    except ValueError:
        return StatusError


def test_what_is_known_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that make up names fill no memory, and are answered all the same."""
    monkeypatch.setattr(request_inputs, "FORMS_KEPT", 10)
    for number in range(100):
        assert read(asked(**{f"x{number}": floats(number)}))[f"x{number}"] == [number]
        assert len(request_inputs._forms) <= 10
