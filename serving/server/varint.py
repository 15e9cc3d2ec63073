"""Packed varints of protocol buffers, from and to arrays (protobuf.dev/programming-guides/encoding#varints)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LONGEST = 10  # bytes, of a number with its highest bit set, which negative ones have
CONTINUES = 0x80  # a byte that another one follows


def decode(data: bytes) -> npt.NDArray[np.uint64]:
    """Returns the numbers of packed varints, shape [n]; negative ones as two's complement.

    Raises:
      ValueError: the last one is cut off, or one is longer than 10 bytes.
    """
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets < CONTINUES)
    if len(octets) and (not len(ends) or ends[-1] != len(octets) - 1):
        raise ValueError("a varint is cut off")
    if len(ends) == len(octets):
        return octets.astype(np.uint64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > LONGEST:
        raise ValueError("a varint is longer than 10 bytes")
    numbers = np.zeros(len(ends), np.uint64)
    for place in range(int(lengths.max())):
        has = lengths > place
        numbers[has] |= (octets[starts[has] + place] & np.uint64(0x7F)) << np.uint64(7 * place)
    return numbers


def encode(numbers: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> bytes:
    """Returns numbers, of any shape, as packed varints; negative ones as two's complement in 64 bits."""
    kind = np.int64 if numbers.dtype.kind == "i" else np.uint64
    left = numbers.ravel().astype(kind).view(np.uint64)
    if not len(left) or left.max() < CONTINUES:
        return left.astype(np.uint8).tobytes()
    octets = np.zeros((len(left), LONGEST), np.uint8)
    used = np.zeros((len(left), LONGEST), bool)
    for place in range(LONGEST):
        used[:, place] = True if place == 0 else left != 0
        octets[:, place] = left & np.uint64(0x7F)
        left = left >> np.uint64(7)
    octets[:, :-1] |= used[:, 1:].astype(np.uint8) << 7
    return octets[used].tobytes()
