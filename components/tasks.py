"""A source divided into what one worker reads at a time: parts of large files, and small ones together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from components.pieces import Piece, Pieces
from components.readers import READERS
from components.readers.kinds import Table
from components.source_options import SourceOptions

SIZE = 16 << 20  # bytes of a task, about
MOST = 1000  # tasks: with more, each is the larger


@dataclass(frozen=True)
class Task:
    """Pieces that are read one after the other, and the task's number, from 0."""

    index: int
    pieces: tuple[Piece, ...]


def tasks_of(source: Pieces, options: SourceOptions) -> list[Task]:
    """Returns the tasks of a source; they depend on its files alone, so the same ones give the same shards."""
    if not source.files:  # a query
        return [Task(0, source.pieces)]
    size = max(SIZE, sum(file.size for file in source.files) // MOST)
    tasks: list[list[Piece]] = []
    room = 0
    for piece, bytes_read in _parts(source, options, size):
        if not tasks or room < bytes_read:
            tasks.append([])
            room = size
        tasks[-1].append(piece)
        room -= bytes_read
    return [Task(index, tuple(pieces)) for index, pieces in enumerate(tasks)]


def _parts(source: Pieces, options: SourceOptions, size: int) -> Iterator[tuple[Piece, int]]:
    """The pieces, the large ones in parts where that is possible; each with its size."""
    reader = READERS[options.source]
    cut = reader.cut if isinstance(reader, Table) else None
    for piece, file in zip(source.pieces, source.files, strict=True):
        parts = cut(piece.name, options, size) if cut and file.size > size else []
        for part in parts:
            yield replace(piece, part=part), file.size // len(parts)
        if not parts:
            yield piece, file.size
