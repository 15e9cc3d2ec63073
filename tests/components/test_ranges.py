from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pieces import Piece, Pieces, resolve
from components.ranges import Range
from components.readers import READERS
from components.readers.kinds import Table
from components.source_options import SourceOptions
from components.tasks import SIZE, Task, tasks_of
from tests.components.readers.reading import TEXT, options_of, write
from tests.components.readers.test_csv import as_csv
from tests.components.tables import REAL_TIME, Cell, to_rows

SMALL = 40  # bytes of a part
TYPES = {"a": "BYTES", "b": "BYTES"}
ROWS = st.lists(st.lists(TEXT, min_size=2, max_size=2) | st.just(["ragged"]) | st.just([]), min_size=1, max_size=40)
Found = tuple[list[dict[str, Cell]], list[tuple[int, str]]]  # rows, and the line and the text of each bad one


def found(options: SourceOptions, part: Range | None = None) -> Found:
    """Returns what a file, or a part of it, holds: rows without what is missing, which a batch may not know of."""
    batches = list(READERS[options.source].rows(options.path, options, part))
    bad = [(row.number, row.row) for batch in batches for row in batch.bad]
    rows = (row for batch in batches for row in to_rows(batch.examples.to_pylist()))
    return [{name: cell for name, cell in row.items() if cell is not None} for row in rows], bad


def parts_of(options: SourceOptions, size: int = SMALL) -> list[Range]:
    """Returns the parts of a file."""
    reader = READERS[options.source]
    assert isinstance(reader, Table)
    assert reader.cut
    return reader.cut(options.path, options, size)


def found_in_parts(options: SourceOptions, size: int = SMALL) -> Found:
    """Returns what the parts of a file hold together."""
    rows, bad = [], []
    for part in parts_of(options, size):
        more_rows, more_bad = found(options, part)
        rows += more_rows
        bad += more_bad
    return rows, bad


@given(table=ROWS, end=st.sampled_from(["\n", "\r\n"]))
@REAL_TIME
def test_the_parts_of_a_csv_hold_its_rows(
    table: list[list[str]], end: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Quoted line breaks, ragged rows and blank lines: each row is in one part, each bad one with its line."""
    path = write(tmp_path_factory.mktemp("csv"), as_csv([["a", "b"], *table], end))
    options = options_of("csv", path, types=TYPES)
    assert found_in_parts(options) == found(options)


def test_a_large_csv_has_several_parts(tmp_path: Path) -> None:
    """A header over two lines belongs to each of them."""
    rows = [[f"x{row}", "two\nlines"] for row in range(30)]
    options = options_of("csv", write(tmp_path, as_csv([["a", "b\nc"], *rows])))
    parts = parts_of(options)
    assert len(parts) > 5
    assert [row["b\nc"] for row in found(options, parts[-1])[0]] == [b"two\nlines"] * len(found(options, parts[-1])[0])
    assert found_in_parts(options) == found(options)


@pytest.mark.parametrize("value", ['5" pipe', ' "quoted behind a space"', '"never closed'])
def test_a_csv_with_a_quote_that_is_no_quotation_is_not_cut(value: str, tmp_path: Path) -> None:
    """Where a row ends cannot be told from the middle of such a file."""
    path = write(tmp_path, "a,b\n" + "1,2\n" * 30 + f"{value},2\n" + "1,2\n" * 30)
    assert parts_of(options_of("csv", path)) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "shift_jis"])
def test_what_is_not_plainly_ascii_is_not_cut(encoding: str, tmp_path: Path) -> None:
    """Nor is text whose bytes may be a line's end without being one, or that begins with a byte order mark."""
    path = write(tmp_path, "a,b\n" + "1,2\n" * 30, encoding)
    assert parts_of(options_of("csv", path, encoding=encoding)) == []


def test_what_is_compressed_is_not_cut(tmp_path: Path) -> None:
    """Gzip can be read from its beginning only."""
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 30))
    assert parts_of(options_of("csv", path)) == []


@given(records=st.lists(st.dictionaries(st.sampled_from(["a", "b"]), TEXT, min_size=1) | st.none(), max_size=30))
@REAL_TIME
def test_the_parts_of_json_lines_hold_their_objects(
    records: list[dict[str, str] | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each object is in one part, and what is none has its line."""
    lines = "\n".join("no JSON" if record is None else json.dumps(record) for record in records)
    path = write(tmp_path_factory.mktemp("jsonl"), lines + "\n", name="rows.jsonl")
    options = options_of("jsonl", path, types=TYPES)
    assert found_in_parts(options) == found(options)


def test_the_parts_of_parquet_are_row_groups(tmp_path: Path) -> None:
    """Small row groups go together, and a bad row has its number in the file."""
    path = tmp_path / "rows.parquet"
    numbers: list[Any] = [*range(400), None, *range(401, 1000)]
    pq.write_table(pa.table({"a": pa.array(numbers, pa.int64())}), path, row_group_size=50)
    options = options_of("parquet", path, types={"a": "INT"}, required=("a",))
    assert len(parts_of(options, 1000)) in range(2, 20)
    rows, bad = found_in_parts(options, 1000)
    assert (rows, [number for number, _ in bad]) == (found(options)[0], [401])


def tasks(folder: Path, **sizes: int) -> list[Task]:
    """Returns the tasks of CSV files of so many bytes."""
    for name, size in sizes.items():
        (folder / f"{name}.csv").write_bytes(b"a,b\n" + b"1,2\n" * (size // 4 - 1))
    options = options_of("csv", folder / "*.csv")
    return tasks_of(resolve(options), options)


def test_small_files_are_read_together(tmp_path: Path) -> None:
    """A worker that takes many small files writes one shard, not one for each."""
    made = tasks(tmp_path, a=4000, b=4000, c=4000)
    assert [[Path(piece.name).stem for piece in task.pieces] for task in made] == [["a", "b", "c"]]


def test_a_large_file_is_read_by_several(tmp_path: Path) -> None:
    """Each task is of about the same size, whatever the files'."""
    made = tasks(tmp_path, large=SIZE * 5 // 2, small=400)
    assert [len(task.pieces) for task in made] == [1, 1, 2]
    assert [task.index for task in made] == [0, 1, 2]


def test_a_query_is_one_task() -> None:
    """There is nothing to divide."""
    pieces = Pieces((Piece("SELECT 1"),))
    assert tasks_of(pieces, options_of("sql", query="SELECT 1")) == [Task(0, pieces.pieces)]
