from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

from components.records.shard import Shard
from tests.components.tables import read_records

RECORDS = [b"one", b"", b"three"]


def shard(folder: Path, level: int = 1) -> Shard:
    """Returns the shard `rows.gz` in a folder."""
    (folder / "aside").mkdir(exist_ok=True)
    return Shard(str(folder / "rows.gz"), str(folder / "aside"), level)


def records(*values: bytes) -> pa.LargeBinaryArray:
    """Returns an array of records."""
    return pa.array(values, pa.large_binary())


@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_shard_is_a_gzipped_tfrecord_file(tmp_path: Path, level: int) -> None:
    """TensorFlow reads what was written, in its order, however hard gzip tried."""
    with shard(tmp_path, level) as out:
        out.write(records(*RECORDS[:1]))
        out.write(records(*RECORDS[1:]))
    assert list(read_records(tmp_path / "rows.gz")) == RECORDS


def test_it_is_not_there_before_it_is_whole(tmp_path: Path) -> None:
    """A step that reads the folder meanwhile sees nothing of it."""
    with shard(tmp_path) as out:
        out.write(records(*RECORDS))
        assert not (tmp_path / "rows.gz").exists()


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    """Neither in its place nor aside."""
    with suppress(OSError), shard(tmp_path) as out:
        out.write(records(*RECORDS))
        raise OSError("the connection was lost")
    assert [path.name for path in tmp_path.rglob("*")] == ["aside"]


def test_one_without_records_is_no_file(tmp_path: Path) -> None:
    """A task may have no row of a split."""
    with shard(tmp_path) as out:
        out.write(records())
    assert not (tmp_path / "rows.gz").exists()


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    """A worker that does its work again changes nothing, at another time either: gzip's header holds no time."""
    for _ in range(2):
        with shard(tmp_path) as out:
            out.write(records(*RECORDS))
    first = (tmp_path / "rows.gz").read_bytes()
    assert first[4:8] == bytes(4)
