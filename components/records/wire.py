"""What tf.Examples and TFRecords share: bytes that depend on a length, made once for each length, and varints.

Protocol Buffers' wire format: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers = npt.NDArray[np.int64]
VARINT_BITS = 7
LONGEST_VARINT = 10  # bytes, of a 64 bit integer
NOTHING = pa.scalar(b"", pa.large_binary())  # between what Arrow joins


def by_number(numbers: Integers, make: Callable[[int], bytes]) -> pa.Array:
    """Returns `make(number)` for each number from 0, shape [numbers], called once for each different one."""
    present = np.flatnonzero(np.bincount(numbers))
    if not len(present):
        return pa.array([], pa.large_binary())
    codes = np.zeros(present[-1] + 1, np.int32)
    codes[present] = np.arange(len(present))
    return pa.array([make(int(number)) for number in present], pa.large_binary()).take(pa.array(codes[numbers]))


def slices(data: npt.NDArray[np.generic], offsets: Integers) -> pa.Array:
    """Returns a binary array of consecutive pieces of some bytes; piece i ends at `offsets[i + 1]`."""
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def varint(number: int) -> bytes:
    """Returns a number from 0 as Protocol Buffers write it: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number >= 1 << VARINT_BITS:
        encoded.append(number & 0x7F | 0x80)
        number >>= VARINT_BITS
    return bytes([*encoded, number])


def varints(values: Integers) -> tuple[npt.NDArray[np.uint8], Integers]:
    """Returns the bytes of all values one after the other, and how many each takes, shape [values]."""
    unsigned = values.astype(np.int64).view(np.uint64)
    sizes = np.ones(len(values), np.int64)
    for size in range(1, LONGEST_VARINT):
        sizes += unsigned >= np.uint64(1 << VARINT_BITS * size)
    places = np.arange(sizes.max(initial=1))
    bits = unsigned[:, None] >> (places * VARINT_BITS).astype(np.uint64) & np.uint64(0x7F)
    more = np.where(places < sizes[:, None] - 1, 0x80, 0).astype(np.uint8)
    return (bits.astype(np.uint8) | more)[places < sizes[:, None]], sizes
