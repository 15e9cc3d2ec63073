"""TFRecord's frames: before each record its length and that length's checksum, behind it the record's.

The format is that of TensorFlow's `record_writer.h`: the length as a little-endian uint64, checksums as CRC-32C that is
rotated and shifted ("masked"), as a little-endian uint32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.records.wire import NOTHING, by_number, slices

MASK = 0xA282EAD8
CHECKSUM_SIZE = 4
HEADER = struct.Struct("<QI")  # the length of a record, and that length's checksum


def frame(records: pa.LargeBinaryArray) -> pa.Buffer:
    """Returns the bytes of a TFRecord file of these records."""
    lengths = pc.binary_length(records).to_numpy().astype(np.int64)
    checksums = np.fromiter(map(google_crc32c.value, records.to_pylist()), np.uint32, len(records))
    ends = np.arange(len(records) + 1) * CHECKSUM_SIZE
    behind = slices(masked(checksums).astype("<u4"), ends)
    framed = pc.binary_join_element_wise(by_number(lengths, _before), records, behind, NOTHING)
    _, offsets, content = framed.buffers()
    first, last = np.frombuffer(offsets, np.int64)[[framed.offset, framed.offset + len(framed)]]
    return content.slice(first, last - first)


def unframe(content: bytes) -> Iterator[bytes]:
    """Yields the records of a TFRecord file that is not compressed.

    Raises:
      ValueError: it ends within a record, or a record is not what was written.
    """
    at = 0
    while at < len(content):
        length, _ = HEADER.unpack_from(content + bytes(HEADER.size), at)
        record = content[at + HEADER.size : at + HEADER.size + length]
        behind = content[at + HEADER.size + length :][:CHECKSUM_SIZE]
        if behind != _checksum(record):
            raise ValueError(f"The record at byte {at} of {len(content)} is cut off or damaged.")
        yield record
        at += HEADER.size + length + CHECKSUM_SIZE


def masked(checksums: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Returns checksums as TFRecords keep them, so that a checksum of data that holds checksums is no trap."""
    return ((checksums >> np.uint32(15)) | (checksums << np.uint32(17))) + np.uint32(MASK)


def _before(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + _checksum(packed)


def _checksum(content: bytes) -> bytes:
    return masked(np.array([google_crc32c.value(content)], np.uint32)).astype("<u4").tobytes()
