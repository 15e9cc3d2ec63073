"""A file of records that appears under its name once it is whole."""

from __future__ import annotations

import gzip
import uuid
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, Self

import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components.records.framing import frame

ASIDE = ".aside"  # a folder for what is not yet whole, in an artifact's


class Shard:
    """A gzipped TFRecord file, wherever Beam's filesystems reach; there is none where no record is written.

    It is written aside, and moved to its place when the `with` block ends without an error: a worker that dies leaves
    nothing there, and one that does its work again puts the same file in the same place.

    Args:
      path: its place.
      aside: the folder in which it is written.
      level: how hard gzip tries, from 0 (not at all) to 9.
    """

    def __init__(self, path: str, aside: str, level: int) -> None:
        self._path, self._aside, self._level = path, f"{aside}/{uuid.uuid4().hex}", level
        self._file: BinaryIO | None = None
        self._stream: gzip.GzipFile | None = None

    def write(self, records: pa.LargeBinaryArray) -> None:
        """Writes records at the end."""
        if not len(records):
            return
        if self._stream is None:
            self._file = FileSystems.create(self._aside, compression_type=CompressionTypes.UNCOMPRESSED)
            self._stream = gzip.GzipFile("", "wb", self._level, self._file, mtime=0)
        self._stream.write(frame(records))

    def __enter__(self) -> Self:
        """Begins the file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Puts the file in its place, or after an error away."""
        if self._stream is None:
            return
        if error:
            with suppress(Exception):  # of which the first says more
                self._close()
            FileSystems.delete([self._aside])
        else:
            self._close()
            FileSystems.rename([self._aside], [self._path])

    def _close(self) -> None:
        assert self._stream
        assert self._file
        self._stream.close()
        self._file.close()
