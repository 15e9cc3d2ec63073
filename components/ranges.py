"""Parts of files that can be read alone, so that several workers read one file."""

from __future__ import annotations

import codecs
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.files import DECOMPRESSORS, is_remote, local_path

QUOTE = b'"'
SUPERSETS_OF_ASCII = ("ascii", "utf-8", "iso8859", "cp125")


@dataclass(frozen=True)
class Range:
    """A part of a file.

    Attributes:
      start: its first byte; of a Parquet file, its first row group.
      stop: the byte, or row group, behind its last.
      header: how many bytes at the file's beginning belong to each of its parts.
      before: how many lines of the file, or rows, come before it; not those of the header.
    """

    start: int
    stop: int
    header: int = 0
    before: int = 0


def content_of(file: str, part: Range) -> bytes:
    """Returns the bytes of a part of a local file, behind those of the header."""
    with Path(local_path(file)).open("rb") as content:
        header = content.read(part.header)
        content.seek(part.start)
        return header + content.read(part.stop - part.start)


def can_be_cut(file: str, encoding: str) -> bool:
    """Returns whether a file of text lies here, not compressed, with ASCII's bytes for ASCII's characters only."""
    if is_remote(file) or Path(file).suffix in DECOMPRESSORS:
        return False
    with Path(local_path(file)).open("rb") as content:
        has_mark = content.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
    return not has_mark and codecs.lookup(encoding).name.startswith(SUPERSETS_OF_ASCII)


def cut_by_lines(file: str, size: int) -> list[Range]:
    """Returns parts of about `size` bytes that end with lines."""
    return [part for part, _ in _cut(file, 0, size)]


def cut_by_rows(file: str, header: int, size: int, delimiter: str) -> list[Range]:
    """Returns parts of about `size` bytes that end with rows of a CSV; none where its quotes do not let it be cut.

    They do where one opens only at the beginning of a value and closes only at its end (RFC 4180): then a line ends a
    row where as many have closed as have opened.
    """
    parts = []
    for part, content in _cut(file, header, size, QUOTE):
        if not _are_quotes_sound(content, delimiter):
            return []
        parts.append(part)
    return parts


def _are_quotes_sound(rows: bytes, delimiter: str) -> bool:
    if QUOTE not in rows:
        return True
    content = np.frombuffer(b"\n" + rows + b"\n", np.uint8)
    quotes = np.flatnonzero(content == ord(QUOTE))
    beside = np.concatenate([content[quotes[::2] - 1], content[quotes[1::2] + 1]])
    ends = np.frombuffer(delimiter.encode() + b"\r\n" + QUOTE, np.uint8)
    return len(quotes) % 2 == 0 and bool(np.isin(beside, ends).all())


def _cut(file: str, start: int, size: int, quote: bytes = b"") -> Iterator[tuple[Range, bytes]]:
    """Yields parts from `start` on with their bytes: to the first end of a line behind `size` bytes and all quotes."""
    header, before = start, 0
    with Path(local_path(file)).open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while start < len(content):
            stop = _end_of_line(content, start + size)
            quotes = content[start:stop].count(quote) if quote else 0
            while quotes % 2 and stop < len(content):
                first, stop = stop, _end_of_line(content, stop)
                quotes += content[first:stop].count(quote)
            rows = content[start:stop]
            yield Range(start, stop, header, before), rows
            before += rows.count(b"\n") + rows.count(b"\r") - rows.count(b"\r\n")
            start = stop


def _end_of_line(content: mmap.mmap, start: int) -> int:
    found = content.find(b"\n", start)
    return len(content) if found < 0 else found + 1
