from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto

from serving.server.protos.wire_pb2 import Shape, Tensor
from serving.server.tensors import KINDS, NUMBERS, RARE, from_array, to_array

STRING = 7
Array = np.ndarray[Any, Any]
FIELDS = {dtype: field for dtype, (_, field, *_) in KINDS.items()} | {
    dtype: field for dtype, (_, field, _) in RARE.items()
}
DTYPES = {dtype: np.dtype(kind) for kind, dtype in NUMBERS.items()}
COMPLEX = {8, 18}


def read(proto: Any) -> Array:
    """The array that a server reads from an official message."""
    return to_array(Tensor.FromString(proto.SerializeToString()))


def written(array: Array, *, as_content: bool = False) -> Any:
    """What a server writes for an array, as an official client parses it."""
    tensor = Tensor()
    from_array(array, tensor, as_content=as_content)
    return TensorProto.FromString(tensor.SerializeToString())


def proto(dtype: int, shape: list[int], **fields: Any) -> Any:
    """An official message."""
    return TensorProto(dtype=dtype, tensor_shape=tf.TensorShape(shape).as_proto(), **fields)


def same(one: Array, other: Array) -> bool:
    """Whether type, shape and every bit are the same."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def of(dtype: int, shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    """Arrays of any bits."""
    size = int(np.prod(shape)) * DTYPES[dtype].itemsize
    if DTYPES[dtype] == np.bool_:
        return arrays_of.arrays(np.bool_, shape)
    return st.binary(min_size=size, max_size=size).map(lambda data: np.frombuffer(data, DTYPES[dtype]).reshape(shape))


shapes = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
numbers = st.tuples(st.sampled_from(sorted(DTYPES)), shapes).flatmap(lambda drawn: of(*drawn))
texts = arrays_of.arrays(object, shapes, elements=st.binary(max_size=200))


@given(numbers | texts)
def test_what_python_clients_send_is_read(array: Array) -> None:
    """An array of any type, shape and value comes out of tf.make_tensor_proto's message as it was."""
    dtype = STRING if array.dtype == object else NUMBERS[array.dtype]
    if array.dtype == object:
        sent = proto(dtype, list(array.shape), string_val=array.ravel().tolist())
    else:
        sent = tf.make_tensor_proto(array, tf.as_dtype(dtype), array.shape)
    found = read(sent)
    assert found.tolist() == array.tolist() if array.dtype == object else same(found, array)
    assert found.shape == array.shape


@settings(max_examples=200)
@given(numbers | texts, st.booleans())
def test_what_is_written_python_clients_read(array: Array, as_content: bool) -> None:  # noqa: FBT001  # drawn
    """tf.make_ndarray gives the array back, from values or from content."""
    message = written(array, as_content=as_content)
    found = tf.make_ndarray(message)
    assert found.shape == array.shape
    assert found.dtype == array.dtype
    assert np.array_equal(found, array, equal_nan=array.dtype != object)  # Python's client quiets a signalling NaN


@settings(max_examples=200)
@given(numbers | texts, st.booleans())
def test_what_is_written_is_read(array: Array, as_content: bool) -> None:  # noqa: FBT001  # drawn
    """The server reads its own messages."""
    found = read(written(array, as_content=as_content))
    assert found.shape == array.shape
    assert found.tolist() == array.tolist() if array.dtype == object else same(found, array)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_the_field_of_each_type(dtype: int) -> None:
    """Numbers are written into the field that tensor.proto has for their type, and nowhere else, unless as content."""
    array = np.ones([2], DTYPES[dtype])
    filled = {field.name for field, _ in written(array).ListFields()}
    assert filled == {"dtype", "tensor_shape", FIELDS[dtype]}
    filled = {field.name for field, _ in written(array, as_content=True).ListFields()}
    assert filled == {"dtype", "tensor_shape", "tensor_content"}


def test_texts_are_never_content() -> None:
    """Texts stay in string_val, which Python's clients can read."""
    message = written(np.array([b"a", b""], object), as_content=True)
    assert (list(message.string_val), message.tensor_content) == ([b"a", b""], b"")


def listed(dtype: int, values: list[int]) -> dict[str, list[Any]]:
    """Whole numbers in the field of a type, as it holds them."""
    array = np.array(values).astype(DTYPES[dtype])
    parts = array.view(RARE[dtype][2]) if dtype in RARE else array
    return {FIELDS[dtype]: parts.tolist()}


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0], [1, 0, 0]),
        ([1], [1, 1, 1]),
        ([], [0, 0, 0]),
        ([1, 0, 1, 0, 0], [1, 0, 1]),
    ],
    ids=["too few", "one", "none", "too many"],
)
def test_values_that_are_not_as_many_as_the_shape_says(dtype: int, values: list[int], expected: list[int]) -> None:
    """As tensor.cc has it: the last one fills the rest, none are zeros, and what is too much is left out."""
    found = read(proto(dtype, [3], **listed(dtype, values)))
    assert same(found, np.array(expected).astype(DTYPES[dtype]))


@pytest.mark.parametrize(("values", "expected"), [([b"a"], [b"a", b"a"]), ([], [b"", b""]), ([b"a"] * 3, [b"a"] * 2)])
def test_texts_that_are_not_as_many_as_the_shape_says(values: list[bytes], expected: list[bytes]) -> None:
    """Texts follow the same rule; where there are none they are empty."""
    assert read(proto(STRING, [2], string_val=values)).tolist() == expected


def test_half_of_a_complex_number_is_left_out() -> None:
    """An odd number of parts is read as if the last were not there."""
    assert read(proto(8, [2], scomplex_val=[1, 2, 3])).tolist() == [1 + 2j, 1 + 2j]


@pytest.mark.parametrize("dtype", sorted(KINDS))
def test_values_that_are_not_packed(dtype: int) -> None:
    """What old clients write one by one, each with its tag, is read too; so are values packed in several pieces."""
    packed = proto(dtype, [4], **listed(dtype, [1])).SerializeToString()
    head = proto(dtype, [4]).SerializeToString()
    values = Tensor.FromString(packed)
    (chunk,) = getattr(values, FIELDS[dtype])
    number = Tensor.DESCRIPTOR.fields_by_name[FIELDS[dtype]].number
    wire = {"float_val": 5, "double_val": 1}.get(FIELDS[dtype], 0)
    tag = bytes([number << 3 | wire]) if number < 16 else bytes([(number << 3 | wire) & 0x7F | 0x80, number >> 4])
    one_by_one = head + (tag + chunk) * 2
    expected = np.ones([4], DTYPES[dtype])
    assert getattr(TensorProto.FromString(one_by_one), FIELDS[dtype]) == [1, 1]
    assert same(to_array(Tensor.FromString(one_by_one)), expected)
    pieces = head + packed[len(head) :] * 2
    assert getattr(TensorProto.FromString(pieces), FIELDS[dtype]) == [1, 1]
    assert same(to_array(Tensor.FromString(pieces)), expected)


@pytest.mark.parametrize(
    ("dtype", "value", "expected"), [(6, 300, 44), (4, -1, 255), (17, 70_000, 4464), (5, 40_000, -25_536)]
)
def test_narrow_types_are_cut(dtype: int, value: int, expected: int) -> None:
    """A number that its type cannot hold loses its high bits, as in C++; packed or not."""
    found = read(proto(dtype, [1], int_val=[value]))
    assert found.tolist() == [expected]
    alone = (
        proto(dtype, [1]).SerializeToString()
        + b"\x38"
        + Tensor.FromString(proto(dtype, [1], int_val=[value]).SerializeToString()).int_val[0]
    )
    assert to_array(Tensor.FromString(alone)).tolist() == [expected]


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_content_is_little_endian(dtype: int) -> None:
    """`tensor_content` is read as little-endian numbers."""
    little = np.array([1, 0], DTYPES[dtype])
    assert same(read(proto(dtype, [2], tensor_content=little.tobytes())), little)
    if DTYPES[dtype].itemsize > 1 and dtype not in {*COMPLEX, 14, 19}:
        big = DTYPES[dtype].newbyteorder(">")
        found = read(proto(dtype, [2], tensor_content=np.array([1, 0], big).tobytes()))
        assert found.tolist() == np.frombuffer(np.array([1, 0], big).tobytes(), DTYPES[dtype]).tolist() != [1, 0]


def test_content_wins_over_values() -> None:
    """Where there are both, values are not looked at, as upstream."""
    content = np.array([5], np.float32).tobytes()
    assert read(proto(1, [1], float_val=[1.0], tensor_content=content)).tolist() == [5.0]


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("size", [1, 3])
def test_content_of_another_size(dtype: int, size: int) -> None:
    """Content must be as long as its shape says."""
    content = np.zeros([size], DTYPES[dtype]).tobytes()
    with pytest.raises(ValueError, match="reshape"):
        read(proto(dtype, [2], tensor_content=content))
    with pytest.raises(ValueError, match=r"buffer size|reshape"):
        read(proto(dtype, [2], tensor_content=content + content[1:] + b"\0\0"))


@pytest.mark.parametrize("dtype", [*sorted(DTYPES), STRING])
def test_empty_tensors(dtype: int) -> None:
    """A shape without elements gives none, whatever values or content come with it."""
    field = FIELDS.get(dtype, "string_val")
    values: list[Any] = [b"a"] if dtype == STRING else [1, 1]
    for fields in ({}, {field: values}, {"tensor_content": b"123"}):
        found = read(proto(dtype, [0, 3], **fields))
        assert (found.shape, found.dtype) == ((0, 3), DTYPES.get(dtype, np.dtype(object)))


def test_scalars() -> None:
    """No dimension is one value; so it is where the shape is left out."""
    assert read(proto(1, [], float_val=[2.5])).shape == ()
    assert read(TensorProto(dtype=9, int64_val=[3])).tolist() == 3
    assert read(proto(STRING, [], string_val=[b"a"])).tolist() == b"a"


def test_texts_in_content() -> None:
    """C++ writes the lengths of all texts and then the texts, which are read."""
    long = b"x" * 300
    sent = proto(STRING, [2, 2], tensor_content=b"\x01\xac\x02\x00\x02" + b"a" + long + b"bc")
    assert read(sent).tolist() == [[b"a", long], [b"", b"bc"]]


@pytest.mark.parametrize(
    "content", [b"\x80", b"\x01", b"\x01\x01a", b"\x01\x01abc", b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a"]
)
def test_texts_in_content_that_is_broken(content: bytes) -> None:
    """Lengths that lack, or do not add up to what follows, are refused."""
    with pytest.raises(ValueError, match="content"):
        read(proto(STRING, [2], tensor_content=content))


@pytest.mark.parametrize(
    "shape",
    [
        TensorShapeProto(unknown_rank=True),
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=-1)]),
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=2), TensorShapeProto.Dim(size=-2)]),
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=2**40)]),
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=2**62)] * 3),
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)] * 100),
    ],
    ids=["unknown", "negative", "one negative", "too large", "larger than int64", "too many dimensions"],
)
@pytest.mark.parametrize("dtype", [1, 9, 19, 8, STRING])
def test_shapes_that_are_none(shape: Any, dtype: int) -> None:
    """A shape that is not known, negative, or that no memory can hold is refused."""
    with pytest.raises(ValueError, match=r"."):
        read(TensorProto(dtype=dtype, tensor_shape=shape))


@pytest.mark.parametrize("dtype", [0, 20, 21, 99, 101])
def test_types_that_are_none(dtype: int) -> None:
    """No type, resources, variants, references and numbers that are no type are refused."""
    with pytest.raises(ValueError, match="type is unknown"):
        to_array(Tensor(dtype=dtype, float_val=[b"\0\0\0\0"]))


def test_other_types_are_read_by_tensorflow() -> None:
    """What has no place in the table is read by tf.make_ndarray."""
    small = np.array([1, 2], ml_dtypes.float8_e5m2)
    assert read(tf.make_tensor_proto(small)).tolist() == [1, 2]


@pytest.mark.parametrize("kind", [">f4", ">i8", "U3", "M8[s]", "V4"])
def test_arrays_that_are_no_tensor(kind: str) -> None:
    """An array of a type that tensors have not is refused, not written as something else."""
    with pytest.raises(ValueError, match="there is no tensor of"):
        from_array(np.zeros([1], kind), Tensor())


@pytest.mark.parametrize("as_content", [False, True])
def test_rows_are_written_one_after_the_other(as_content: bool) -> None:  # noqa: FBT001  # a parameter
    """However an array lies in memory."""
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert tf.make_ndarray(written(table.T, as_content=as_content)).tolist() == table.T.tolist()
    strided = np.arange(6, dtype=np.int64)[::-2]
    assert tf.make_ndarray(written(strided, as_content=as_content)).tolist() == [5, 3, 1]
    halves = table.T.astype(np.float16, order="K")
    assert tf.make_ndarray(written(halves, as_content=as_content)).tolist() == table.T.tolist()


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """Whatever a client sends as values, the answer is an array or ValueError."""
    two = Shape(dim=[{"size": 2}]).SerializeToString()
    for dtype in (1, 3, 9, 10, 19, STRING):
        for field in ("float_val", "int_val", "int64_val", "bool_val", "string_val"):
            try:
                fields: dict[str, Any] = {field: [data]}
                found = to_array(Tensor(dtype=dtype, tensor_shape=two, **fields))
            except ValueError:
                continue
            assert found.shape == (2,)
