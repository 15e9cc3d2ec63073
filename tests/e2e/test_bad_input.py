"""What bad input gets: one paragraph, the exit code of the contract, no traceback, and what was pushed stays."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Folder, trips, write_rows

pytestmark = pytest.mark.e2e
PUSHED = "1700000000"
NO_BAD_ROW = ("gates.rows.max_quarantined=0",)


@pytest.fixture
def served(folder: Folder) -> Folder:
    """A folder in which something is pushed already."""
    version = folder.workdir / "serving" / "small" / PUSHED
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"what was pushed")
    return folder


def refused(folder: Folder, exit_code: int, *words: str, settings: tuple[str, ...] = ()) -> None:
    """Runs the pipeline; it must end with the exit code, name the words, and touch nothing that was pushed."""
    done = folder.run(*(word for setting in settings for word in ("--set", setting)))
    assert done.returncode == exit_code, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert folder.versions == [PUSHED]
    assert (folder.workdir / "serving" / "small" / PUSHED / "saved_model.pb").read_bytes() == b"what was pushed"


def with_rows(folder: Folder, change: Callable[[list[list[str]]], list[list[str]]]) -> Folder:
    """The folder, with other rows."""
    write_rows(folder.data, change(trips()))
    return folder


def test_missing_data_file(served: Folder) -> None:
    """A data file that does not exist is a wrong configuration, and is named."""
    refused(served, 2, "nowhere.csv", "data.path", settings=("data.path=nowhere.csv",))


def test_empty_csv(served: Folder) -> None:
    """A CSV without a byte is named as empty."""
    served.data.write_text("")
    refused(served, 3, "trips.csv", "is empty")


def test_header_only(served: Folder) -> None:
    """A CSV with a header and no row has nothing to train on."""
    refused(with_rows(served, lambda rows: rows[:1]), 3, "trips.csv", "no rows")


def test_ragged_row(served: Folder) -> None:
    """A row with too few values, where none may be, is named by its line."""
    folder = with_rows(served, lambda rows: [*rows[:10], rows[10][:3], *rows[11:]])
    refused(folder, 3, "trips.csv", "line 11", "3 values", "18", settings=NO_BAD_ROW)


def test_column_that_the_schema_lacks(served: Folder) -> None:
    """A column that the schema does not know is an anomaly."""
    refused(with_rows(served, lambda rows: [[*rows[0], "colour"], *([*row, "red"] for row in rows[1:])]), 3, "'colour'")


def test_column_that_the_data_lacks(served: Folder) -> None:
    """A column that the schema requires and the data does not have is an anomaly."""
    miles = trips()[0].index("trip_miles")
    refused(with_rows(served, lambda rows: [row[:miles] + row[miles + 1 :] for row in rows]), 3, "'trip_miles'", "99%")


def test_text_in_a_numeric_column(served: Folder) -> None:
    """Text where the schema has a number, and no row may be bad, is named by file, line, column and value."""

    def spoil(rows: list[list[str]]) -> list[list[str]]:
        rows[7][rows[0].index("fare")] = "twelve"
        return rows

    refused(with_rows(served, spoil), 3, "trips.csv", "line 8", "'fare'", "'twelve'", settings=NO_BAD_ROW)


def test_label_with_one_class(served: Folder) -> None:
    """A label that never varies cannot be learned."""
    refused(served, 3, "trips.csv", "same label", settings=("label=tips > 100000",))


def test_unknown_key(served: Folder) -> None:
    """A misspelt key is answered with the nearest legal one."""
    refused(served, 2, "small.yaml", "model.epoch", "'epochs'", settings=("model.epoch=3",))


def test_bad_type(served: Folder) -> None:
    """A value of the wrong type is shown with its key."""
    refused(served, 2, "small.yaml", "'model.epochs'", "'many'", settings=("model.epochs=many",))


def test_slice_on_a_feature_that_does_not_exist(served: Folder) -> None:
    """A slice over an unknown feature is refused before anything runs."""
    refused(
        served,
        2,
        "evaluation.slices",
        "'paiment_type'",
        "'payment_type'",
        settings=("evaluation.slices=[[paiment_type]]",),
    )


def test_slice_on_a_column_that_the_data_lacks(served: Folder) -> None:
    """Without a curated schema, the data's own header says which features there are."""
    settings = ("schema.path=null", "evaluation.slices=[[paiment_type]]")
    refused(served, 2, "trips.csv", "evaluation.slices", "'payment_type'", settings=settings)


def test_user_function_that_is_missing(served: Folder) -> None:
    """A function of the user that does not exist is named, with the nearest that does."""
    refused(served, 2, "prepro_fn", settings=("user_code.preprocessing_fn=components.preprocessing.prepro_fn",))


def test_user_function_with_the_wrong_signature(served: Folder) -> None:
    """A function that cannot be called as it will be is refused when it is named."""
    settings = ("user_code.preprocessing_fn=components.preprocessing.encode_numeric",)
    refused(served, 2, "encode_numeric", "custom_config", settings=settings)


def test_corrupt_tfrecord(served: Folder) -> None:
    """A TFRecord with a damaged record is named, with where it is damaged."""
    (served.path / "rows.tfrecord").write_bytes(b"\x05\0\0\0\0\0\0\0 this is no record at all")
    refused(served, 3, "rows.tfrecord", "corrupt", settings=("data.source=tfrecord", "data.path=rows.tfrecord"))


def test_unwritable_workdir(served: Folder) -> None:
    """A workdir that cannot be made is named, with the way out."""
    (served.path / "occupied").write_text("a file where the folder should be")
    done = served.run("--workdir", "occupied/inside")
    assert done.returncode == 1
    assert "occupied" in done.stderr
    assert "--workdir" in done.stderr


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with one MiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here: mount needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_full_disk(served: Folder, tiny_disk: Path) -> None:
    """A disk without room is named before anything runs, with what a run needs."""
    done = served.run("--workdir", str(tiny_disk))
    assert done.returncode == 1
    assert str(tiny_disk) in done.stderr
    assert "MiB" in done.stderr


def test_two_runs_at_once(served: Folder) -> None:
    """The second run of a pipeline says which process holds it, and leaves that one alone."""
    first = served.start()
    try:
        assert first.stdout is not None
        assert "loading" in first.stdout.readline()
        second = served.run()
        assert second.returncode == 1
        assert f"process {first.pid}" in second.stderr
        assert first.poll() is None
    finally:
        os.kill(first.pid, signal.SIGINT)
        first.communicate()


def test_a_traceback_is_for_those_who_ask(served: Folder) -> None:
    """`--debug` shows where an error came from."""
    done = served.penstock("run", "nowhere.yaml", "--debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
