"""What a source consists of: its files, span by span, or its one query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from components import files, spans
from components.inference import Kinds, merge, type_of
from components.ranges import Range
from components.readers import READERS, sql
from components.readers.kinds import Examples, Table
from components.source_options import NUMBER, SourceOptions


@dataclass(frozen=True)
class Piece:
    """A file, a part of one, or a query: the span that it belongs to, and whether all its rows are the test split's."""

    name: str
    span: int | None = None
    is_test: bool = False
    part: Range | None = None


@dataclass(frozen=True)
class Pieces:
    """All of them, with the files that they are, and the latest span and its version, where there are spans."""

    pieces: tuple[Piece, ...]
    files: tuple[files.Found, ...] = ()
    span: int | None = None
    version: int | None = None

    @property
    def spans(self) -> list[int]:
        """The numbers of the spans, the oldest first; none where the path has no spans."""
        return list(dict.fromkeys(piece.span for piece in self.pieces if piece.span is not None))


def resolve(options: SourceOptions) -> Pieces:
    """Returns what there is to read.

    Raises:
      UsageError: there is no file, or no such span or version.
    """
    if options.source == "sql":
        return Pieces((Piece(options.query),))
    found = spans.resolve(options)
    tested = found[len(found) - options.test_spans :] if options.test_spans else []
    pieces = tuple(Piece(file.path, span.number, span in tested) for span in found for file in span.files)
    all_files = tuple(file for span in found for file in span.files)
    return Pieces(pieces, all_files, found[-1].number, found[-1].version)


def fingerprint(options: SourceOptions, source: Pieces) -> str:
    """Returns a hash that changes with the content: with the files' times, with the rows of a query.

    Raises:
      UsageError: the database does not answer.
    """
    return sql.fingerprint(options.query, options) if options.source == "sql" else files.fingerprint(source.files)


@contextmanager
def at_hand(piece: Piece, options: SourceOptions) -> Iterator[str]:
    """Gives what a reader is to read: a query as it is, a file at a path of this machine."""
    if options.source == "sql":
        yield piece.name
    else:
        with files.local_copy(piece.name) as path:
            yield path


def with_types(options: SourceOptions, pieces: tuple[Piece, ...]) -> SourceOptions:
    """Returns the options with a type for every column: where none is given, the one that fits all rows of the source.

    Reads the files whose columns do not all have a type. tf.Examples have types of their own.

    Raises:
      DataAnomaly: a file cannot be read.
    """
    reader = READERS[options.source]
    if isinstance(reader, Examples):
        return options
    found = merge([_kinds(reader, piece, options) for piece in pieces])
    inferred = {name: type_of(kind, options.types.get(name, "")) for name, kind in found.items()}
    given = {name: kind for name, kind in options.types.items() if kind != NUMBER}
    return options.model_copy(update={"types": inferred | given})


def _kinds(reader: Table, piece: Piece, options: SourceOptions) -> Kinds:
    with at_hand(piece, options) as path:
        return reader.kinds(path, options)
