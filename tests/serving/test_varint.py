from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st
from tensorflow.core.framework.tensor_pb2 import TensorProto

from serving.server import varint

SIZES = [0, 1, 127, 128, 300, 2**14 - 1, 2**14, 2**31, 2**32, 2**35 - 1, 2**35, 2**56, 2**63 - 1, 2**63, 2**64 - 1]
uint64 = st.integers(0, 2**64 - 1) | st.sampled_from(SIZES)
int64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-1, -128, -(2**31), -(2**63), *SIZES[:13]])


def packed(field: str, values: list[Any]) -> bytes:
    """What protobuf packs numbers into, without the field's tag and length."""
    message = TensorProto(**{field: values}).SerializeToString()
    return message[len(message) - _size(field, values) :] if values else b""


def _size(field: str, values: list[Any]) -> int:
    one_by_one = (TensorProto(**{field: [value]}).ByteSize() for value in values)
    alone = TensorProto(**{field: [0]}).ByteSize() - 1
    return sum(size - alone for size in one_by_one)


@given(st.lists(uint64))
@example(SIZES)
def test_unsigned_numbers_are_packed_as_protobuf_packs_them(values: list[int]) -> None:
    """Numbers of every size, none among them, have protobuf's bytes, and are read back from them."""
    expected = packed("uint64_val", values)
    assert varint.encode(np.array(values, np.uint64)) == expected
    assert varint.decode(expected).tolist() == values


@given(st.lists(int64))
@example([-1])
def test_negative_numbers_are_twos_complement(values: list[int]) -> None:
    """Negative numbers take ten bytes, as protobuf's, and come back as they were."""
    expected = packed("int64_val", values)
    assert varint.encode(np.array(values, np.int64)) == expected
    assert varint.decode(expected).astype(np.int64).tolist() == values


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32])
def test_narrow_negative_numbers_are_widened(kind: type[np.signedinteger[Any]]) -> None:
    """A narrow type's least number is written as int32 of protobuf writes it, with its sign in all 64 bits."""
    least = np.iinfo(kind).min
    assert varint.encode(np.array([least, -1, 1], kind)) == packed("int_val", [int(least), -1, 1])


def test_booleans() -> None:
    """True is 1 and false is 0."""
    assert varint.encode(np.array([True, False])) == packed("bool_val", [True, False]) == b"\x01\x00"


def test_arrays_of_more_dimensions() -> None:
    """Rows follow each other, whichever way the array lies in memory."""
    table = np.arange(6, dtype=np.uint32).reshape(2, 3) * 100
    assert varint.decode(varint.encode(table)).tolist() == [0, 100, 200, 300, 400, 500]
    assert varint.decode(varint.encode(table.T)).tolist() == [0, 300, 100, 400, 200, 500]


def test_longer_than_needed() -> None:
    """A number with empty bytes at its end is read as protobuf reads it."""
    assert varint.decode(b"\x81\x80\x00\x05").tolist() == [1, 5]
    assert TensorProto.FromString(b"\x52\x04\x81\x80\x00\x05").int64_val == [1, 5]


@pytest.mark.parametrize("data", [b"\x80", b"\x01\x80", b"\x01\x02\xff\xff"])
def test_a_number_that_is_cut_off(data: bytes) -> None:
    """The last byte must not say that another one follows."""
    with pytest.raises(ValueError, match="cut off"):
        varint.decode(data)


def test_a_number_that_is_too_long() -> None:
    """Eleven bytes are no number; ten are."""
    assert varint.decode(b"\xff" * 9 + b"\x01").tolist() == [2**64 - 1]
    with pytest.raises(ValueError, match="longer than 10 bytes"):
        varint.decode(b"\x01" + b"\x80" * 10 + b"\x01")


@given(st.binary())
def test_any_bytes_are_read_as_protobuf_reads_them_or_refused(data: bytes) -> None:
    """Whatever bytes come, they are either the numbers that protobuf finds in them or an error in both."""
    length = varint.encode(np.array([len(data)]))
    try:
        expected = list(TensorProto.FromString(b"\x8a\x01" + length + data).uint64_val)
    except DecodeError:
        with pytest.raises(ValueError, match="varint"):
            varint.decode(data)
    else:
        assert varint.decode(data).tolist() == expected
