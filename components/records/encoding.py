"""Arrow columns to serialised tf.Examples, all rows at once.

Each feature of a row is a few bytes that depend on the feature's name and the length of its values, and then these. The
first are made once for each length; Arrow joins both, of all features, row by row. tf.Example is TensorFlow's
`example.proto`: an Example is a message of Features, a map from name to a list of bytes, floats or integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.records.wire import NOTHING, Integers, by_number, slices, varint, varints

FIRST, SECOND = b"\x0a", b"\x12"  # tags of a message's first and second field, where these have a length
FLOAT_SIZE = 4
Packed = tuple[pa.Array, Integers]  # the bytes of values, one after the other, and where each begins; one end more


def encode(columns: pa.RecordBatch) -> pa.LargeBinaryArray:
    """Returns one serialised tf.Example for each row, shape [rows].

    Args:
      columns: int64, float32 or binary, a value a row, or lists of them. What is null becomes a feature without values.
    """
    named = zip(columns.schema.names, columns.columns, strict=True)
    parts = [part for name, column in named for part in _entry(name, column)]
    sizes = sum((_lengths(part) for part in parts), start=np.zeros(columns.num_rows, np.int64))
    return pc.binary_join_element_wise(by_number(sizes, lambda size: FIRST + varint(size)), *parts, NOTHING)


def _entry(name: str, column: pa.Array) -> Iterator[pa.Array]:
    """What comes before a feature's values, and these."""
    missing = column.is_null().to_numpy(zero_copy_only=False)
    is_list = any(check(column.type) for check in LISTS)
    counts = _counts(column) if is_list else (~missing).astype(np.int64)
    values = column.flatten() if is_list else column.drop_null()
    before, pack = KINDS[_kind(values.type)]
    content, starts = pack(values)
    packed = slices(content, starts[np.concatenate([[0], np.cumsum(counts)])])
    codes = np.where(missing, 0, _lengths(packed) + 1)
    yield by_number(codes, lambda code: _before(name, before, code - 1))
    yield packed


def _before(name: str, list_before: Callable[[int], bytes], size: int) -> bytes:
    """All of an entry of the map but values of `size` bytes; -1 for a feature without values."""
    key = name.encode()
    feature = b"" if size < 0 else list_before(size)
    value = SECOND + varint(len(feature) + max(size, 0)) + feature
    entry = FIRST + varint(len(key)) + key + value
    return FIRST + varint(len(entry) + max(size, 0)) + entry


def _before_texts(size: int) -> bytes:
    """A Feature's tag of its BytesList, whose values each have a tag of their own."""
    return b"\x0a" + varint(size)


def _before_floats(size: int) -> bytes:
    return b"\x12" + _before_numbers(size)


def _before_integers(size: int) -> bytes:
    return b"\x1a" + _before_numbers(size)


def _before_numbers(size: int) -> bytes:
    """The length of a list, and the tag and the length of its one field, all numbers packed."""
    packed = FIRST + varint(size)
    return varint(len(packed) + size) + packed


def _pack_texts(values: pa.Array) -> Packed:
    values = values.cast(pa.large_binary())
    tagged = pc.binary_join_element_wise(
        by_number(_lengths(values), lambda size: FIRST + varint(size)), values, NOTHING
    )
    _, offsets, content = tagged.buffers()
    starts = np.frombuffer(offsets, np.int64)[tagged.offset : tagged.offset + len(tagged) + 1]
    return np.frombuffer(content or b"", np.uint8), starts


def _pack_floats(values: pa.Array) -> Packed:
    return values.to_numpy(zero_copy_only=False).astype("<f4"), np.arange(len(values) + 1) * FLOAT_SIZE


def _pack_integers(values: pa.Array) -> Packed:
    content, sizes = varints(values.to_numpy(zero_copy_only=False))
    return content, np.concatenate([[0], np.cumsum(sizes)])


LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
KINDS = {
    "texts": (_before_texts, _pack_texts),
    "floats": (_before_floats, _pack_floats),
    "integers": (_before_integers, _pack_integers),
}


def _kind(kind: pa.DataType) -> str:
    return "floats" if pa.types.is_floating(kind) else "integers" if pa.types.is_integer(kind) else "texts"


def _counts(lists: pa.Array) -> Integers:
    counts: Integers = pc.list_value_length(lists).fill_null(0).to_numpy().astype(np.int64)
    return counts


def _lengths(column: pa.Array) -> Integers:
    lengths: Integers = pc.binary_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths
