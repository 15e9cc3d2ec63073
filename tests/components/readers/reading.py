"""Sources read as ExampleGen reads them, and the files that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from components.pieces import at_hand, resolve, with_types
from components.readers import READERS
from components.rows import BadRow
from components.source_options import SourceOptions
from components.text import NOT_TEXT
from schema.errors import DataAnomaly
from tests.components.tables import Cell, to_examples, to_rows

LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=[NOT_TEXT])
TEXT = st.text(LETTERS | st.sampled_from('\n\r",;'), max_size=8)
EXAMPLES = to_examples({"a": list(range(5000)), "t": [f"text {row % 7}" for row in range(5000)]})


@dataclass(frozen=True)
class Read:
    """What a source gave: its rows, their hashes, those that cannot be used, and how many were read in all."""

    rows: list[dict[str, Cell]]
    hashes: list[int]
    bad: list[BadRow]
    read: int

    @property
    def places(self) -> list[tuple[int, str]]:
        """The line of each bad row, and the row."""
        return [(row.number, row.row) for row in self.bad]


def options_of(source: str, path: Path | str = "", **options: Any) -> SourceOptions:
    """Returns the options of a source at a path."""
    return SourceOptions(source=source, path=str(path), splits={"train": 1}, **options)


def read(source: str, path: Path | str = "", **given: Any) -> Read:
    """Reads all files of a source; checks that no row is lost on the way."""
    options = options_of(source, path, **given)
    pieces = resolve(options).pieces
    typed = with_types(options, pieces)
    batches = []
    for piece in pieces:
        with at_hand(piece, typed) as file:
            batches += list(READERS[source].rows(file, typed))
    out = Read(
        [row for batch in batches for row in to_rows(batch.examples.to_pylist())],
        [int(value) for batch in batches for value in batch.hashes],
        [row for batch in batches for row in batch.bad],
        sum(batch.read for batch in batches),
    )
    assert out.read == len(out.rows) + len(out.bad)
    assert len(out.hashes) == len(out.rows)
    return out


def refusal(source: str, path: Path, **options: Any) -> str:
    """Returns the message with which a file is refused."""
    with pytest.raises(DataAnomaly) as refused:
        read(source, path, **options)
    return str(refused.value)


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "rows.csv") -> Path:
    """Returns the path of a file with that text."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def write_parquet(folder: Path, **columns: pa.Array) -> Path:
    """Returns the path of a Parquet file with those columns."""
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    return path
