"""What kind of file the rows are in and how it is read: told by its name, else by its first bytes."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from components.files import DECOMPRESSORS, find, open_local
from components.pieces import at_hand, resolve
from components.source_options import SourceOptions
from components.spans import has_spans
from pipeline.loading import resolve_path
from schema.errors import UsageError

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".psv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".avro": "avro",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
}
SHEET = "is a spreadsheet. Save the sheet as CSV, and give that."
ARRAY = "is one JSON value. Write one object a line (JSON Lines), and give that."
ARCHIVE = "is an archive. Unpack it, and give the file inside."
REFUSED = {".xlsx": SHEET, ".xls": SHEET, ".ods": SHEET, ".json": ARRAY, ".zip": ARCHIVE, ".tar": ARCHIVE}
DELIMITERS = (",", ";", "\t", "|")
HEAD = 1 << 16  # bytes from which kind and delimiter are told
BLOCK = 1 << 20
MOST_DECODED = 1 << 28  # bytes that are tried in an encoding
AROUND = 1 << 15  # bytes on each side of the first that is no UTF-8, by which the encoding is told
SAME_WIDTH = 0.9  # of the rows must have as many values as the header, for a delimiter to be believed
TFRECORD_HEADER = 12  # bytes: a length in eight, little-endian, and its checksum
LARGEST_RECORD = 1 << 27


def source_of(data: str) -> SourceOptions:
    """Returns how the rows of a file (or a glob, or pkg://package/file) are read; columns have no types yet.

    Raises:
      UsageError: there is no such file, or it is of a kind that is not read.
    """
    path = resolve_path(data, Path.cwd())
    options = SourceOptions(source="csv", path=path, splits={"train": 1})
    if not has_spans(path) and not find(path):
        raise UsageError(f"--data {data}: there is no such data file. Name a file, or a glob that matches some.")
    first = resolve(options).pieces[0]
    with at_hand(first, options) as file:
        kind = kind_of_file(file)
        return options.model_copy(update={"source": kind} | _settings_of_text(kind, file))


def kind_of_file(file: str) -> str:
    """Returns the row of `READERS` that reads a local file.

    Raises:
      UsageError: none does; the message says what to do.
    """
    name = PurePosixPath(file.lower())
    ending = name.with_suffix("").suffix if name.suffix in DECOMPRESSORS else name.suffix
    if ending in REFUSED:
        raise UsageError(f"{file}: {REFUSED[ending]}")
    return ENDINGS.get(ending) or _kind_of_content(file)


def encoding_of(file: str) -> str:
    """Returns the encoding of a file of text: utf-8 where it is, else what charset-normalizer says, or latin-1."""
    with open_local(file) as stream:
        if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    bad = _first_not_in(file, "utf-8")
    if bad is None:
        return "utf-8"
    from charset_normalizer import from_bytes

    with open_local(file) as stream:
        stream.seek(max(0, bad - AROUND))
        best = from_bytes(stream.read(2 * AROUND)).best()
    guess = best.encoding.replace("_", "-") if best else ""
    is_other = guess not in ("", "utf-8", "ascii")
    return guess if is_other and _first_not_in(file, guess) is None else "latin-1"


def delimiter_of(file: str, encoding: str) -> str:
    """Returns the one of `DELIMITERS` that parts the rows into most values, in each row as many as in the header."""
    with open_local(file) as stream:
        head = stream.read(HEAD)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head).lstrip("\ufeff")
    whole = text if len(head) < HEAD else text[: text.rfind("\n") + 1]
    return max(DELIMITERS, key=lambda delimiter: _width(whole, delimiter))


def _settings_of_text(kind: str, file: str) -> dict[str, str]:
    if kind not in ("csv", "jsonl"):
        return {}
    encoding = encoding_of(file)
    return {"encoding": encoding} | ({"delimiter": delimiter_of(file, encoding)} if kind == "csv" else {})


def _width(text: str, delimiter: str) -> int:
    """How many values each row has between such delimiters; 0 where it is not the same everywhere."""
    widths = [len(row) for row in _rows(text, delimiter) if row]
    if not widths or widths.count(widths[0]) < SAME_WIDTH * len(widths):
        return 0
    return widths[0] if widths[0] > 1 else 0


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text), delimiter=delimiter)
    except csv.Error:
        return


def _first_not_in(file: str, encoding: str) -> int | None:
    """About where the first byte stands that is not of an encoding; None where all are."""
    decoder, at = codecs.getincrementaldecoder(encoding)(), 0
    with open_local(file) as stream:
        while at < MOST_DECODED and (block := stream.read(BLOCK)):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return at + error.start
            at += len(block)
    return None


def _kind_of_content(file: str) -> str:
    with open_local(file) as stream:
        head = stream.read(HEAD)
    kind = next((kind for kind, fits in SIGNS.items() if fits(head)), "csv")
    if kind not in ("zip", "json", "binary"):
        return kind
    said = {"zip": SHEET, "json": ARRAY}.get(
        kind, f"is no table that can be read here. The name of the file says what it is: {', '.join(ENDINGS)}."
    )
    raise UsageError(f"{file}: {said}")


def _is_tfrecord(head: bytes) -> bool:
    return len(head) > TFRECORD_HEADER and 0 < int.from_bytes(head[:8], "little") < LARGEST_RECORD


def _is_binary(head: bytes) -> bool:
    return b"\0" in head and head[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


SIGNS: dict[str, Callable[[bytes], bool]] = {
    "parquet": lambda head: head.startswith(b"PAR1"),
    "avro": lambda head: head.startswith(b"Obj\x01"),
    "zip": lambda head: head.startswith(b"PK\x03\x04"),
    "jsonl": lambda head: head.lstrip().startswith(b"{"),
    "json": lambda head: head.lstrip().startswith(b"["),
    "tfrecord": _is_tfrecord,
    "binary": _is_binary,
}
