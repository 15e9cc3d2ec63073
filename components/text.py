"""Files of text as UTF-8, whatever their encoding and compression."""

from __future__ import annotations

import codecs
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, TextIO

from components.files import open_local
from components.ranges import Range, content_of
from schema.errors import DataAnomaly

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 20  # bytes
BYTE_ORDER_MARK = "\ufeff"
NOT_TEXT = "\ufdd0"  # stands for bytes that are not in the encoding: Unicode has set it aside for a program's own use
MARKING, SHOWING = "penstock.mark", "backslashreplace"  # what decoding does with such bytes
codecs.register_error(MARKING, lambda error: (NOT_TEXT, getattr(error, "end", 0)))


class Utf8(io.RawIOBase):
    """A file's content as UTF-8, without its byte order mark.

    Attributes:
      quotes: how many double quotes have been read.
      is_marked: whether `NOT_TEXT` has been read.
    """

    def __init__(self, content: BinaryIO, encoding: str, errors: str = MARKING) -> None:
        self._content, self._encoding = content, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._left = memoryview(b"")
        self._is_new = True
        self.quotes, self.is_marked = 0, False

    def readable(self) -> bool:
        """Returns that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Puts the next bytes into a buffer; returns how many, 0 at the end."""
        room = memoryview(buffer).cast("B")
        while not self._left:
            block = self._content.read(BLOCK)
            self._left = memoryview(self._decode(block))
            if not block:
                break
        count = min(len(room), len(self._left))
        room[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _decode(self, block: bytes) -> bytes:
        text = self._decoder.decode(block, final=not block)
        if self._is_new and text:
            self._is_new = False
            text = text.removeprefix(BYTE_ORDER_MARK)
        self.quotes += text.count('"')
        self.is_marked = self.is_marked or NOT_TEXT in text
        return text.encode("utf-8", "surrogatepass")


@contextmanager
def open_utf8(file: str, encoding: str, errors: str = MARKING, part: Range | None = None) -> Iterator[Utf8]:
    """Opens a local file of text, decompressed where its name ends in .gz or .bz2; or a part of one.

    Raises:
      DataAnomaly: it cannot be decompressed, or begins with the mark of another encoding.
    """
    try:
        with io.BytesIO(content_of(file, part)) if part else open_local(file) as content:
            start = content.read(len(codecs.BOM_UTF8))
            _check_mark(file, start, encoding)
            content.seek(0)
            yield Utf8(content, encoding, errors)
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataAnomaly(f"{file}: cannot be decompressed: {str(error).rstrip('.')}. Write the file again.") from None


@contextmanager
def open_lines(
    file: str, encoding: str, errors: str = SHOWING, part: Range | None = None, newline: str = ""
) -> Iterator[TextIO]:
    """Opens a local file, or a part, to be read by lines, which keep their ends; by default each kind of end is one."""
    with open_utf8(file, encoding, errors, part) as text:
        yield io.TextIOWrapper(io.BufferedReader(text, BLOCK), "utf-8", "surrogatepass", newline=newline)


def _check_mark(file: str, start: bytes, encoding: str) -> None:
    if start == codecs.BOM_UTF8 and codecs.lookup(encoding).name not in {"utf-8", "utf-8-sig"}:
        raise DataAnomaly(
            f"{file}: begins with the byte order mark of UTF-8, and data.encoding says {encoding}. "
            "Leave data.encoding out, or save the file in that encoding."
        )
