from __future__ import annotations

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfx.components.evaluator import constants
from tfx.types.standard_artifacts import Model, ModelBlessing

from components.blessed_models import Entry, entries, entry_at, latest, record
from schema.errors import PenstockError
from tests.components.tables import REAL_TIME

FILES = {"Format-Serving/saved_model.pb": "graph", "Format-Serving/variables/variables.index": "numbers"}
LONG_AGO = 1000  # seconds since 1970


def model_in(folder: Path, said: str = "graph") -> str:
    """Returns the folder of a model as the Trainer leaves it."""
    for name, text in (FILES | {"Format-Serving/saved_model.pb": said}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


def files_in(folder: Path) -> dict[str, str]:
    """Returns the content of every file below a folder, by its path there."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def origins(ledger: Path) -> list[str]:
    """Returns the origins of all entries, the earliest first."""
    return [entry.origin for entry in entries(ledger)]


def said_by(entry: Entry | None) -> str:
    """Returns the origin of an entry; "" where there is none."""
    return entry.origin if entry else ""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Where a ledger would be, two folders below what exists."""
    return tmp_path / "taxi" / "blessed"


@pytest.fixture
def model(tmp_path: Path) -> str:
    """The folder of a model."""
    return model_in(tmp_path / "model")


def test_without_a_ledger_there_is_no_latest(ledger: Path) -> None:
    """Looking for the latest blessed model makes no folder."""
    assert latest(ledger, other_than="run 1") is None
    assert not ledger.parent.exists()


def test_an_entry_is_the_whole_model(ledger: Path, model: str) -> None:
    """The copy is laid out as the artifact is, and outlives it."""
    entry = record(ledger, model, "run 1", made=1000)
    shutil.rmtree(model)
    assert (entry.number, entry.origin) == (1000, "run 1")
    assert files_in(entry.model) == FILES
    assert entry_at(ledger, 1000) == entry == latest(ledger, other_than="")


def test_the_candidate_is_not_its_own_baseline(ledger: Path, model: str) -> None:
    """The latest entry of another origin counts; where there is none, nothing does."""
    record(ledger, model, "run 1", made=1)
    assert latest(ledger, other_than="run 1") is None
    record(ledger, model, "run 2", made=2)
    assert said_by(latest(ledger, other_than="run 2")) == "run 1"
    assert said_by(latest(ledger, other_than="run 3")) == "run 2"


@pytest.mark.parametrize("made", [1, 0])
def test_a_model_that_is_there_keeps_its_place(ledger: Path, model: str, made: int) -> None:
    """An old model that is blessed once more does not come after the newer one, whether or not it is known when."""
    first = record(ledger, model, "run 1", made=1)
    record(ledger, model, "run 2", made=2)
    assert record(ledger, model, "run 1", made=made) == first
    assert origins(ledger) == ["run 1", "run 2"]


@pytest.mark.parametrize(
    ("seen", "seen_later"),
    [
        ("minio://mlpipeline/v2/run-1/model", "/minio/mlpipeline/v2/run-1/model"),
        ("/pods/7/minio/mlpipeline/v2/run-1/model", "/pods/8/minio/mlpipeline/v2/run-1/model"),
        ("s3://bucket/gcs/model", "/s3/bucket/gcs/model"),
        ("gs://bucket/run/model", "/gcs/bucket/run/model"),
        ("/work/var/taxi/root/Trainer/model/7", "/work/var/taxi/root/Trainer/model/7"),
    ],
)
def test_a_model_is_the_same_wherever_a_launcher_shows_it(ledger: Path, model: str, seen: str, seen_later: str) -> None:
    """A step on Dataflow sees a bucket's address, another the folder where it is mounted: neither is a new model."""
    first = record(ledger, model, seen)
    assert latest(ledger, other_than=seen_later) is None
    assert record(ledger, model, seen_later) == first
    assert latest(ledger, other_than=f"{seen_later}8") == first


def test_models_of_unknown_age_come_in_the_order_of_their_blessing(ledger: Path, model: str) -> None:
    """Where no metadata store tells when a model was made, each comes after those before it, at once or not."""
    for run in range(5):
        record(ledger, model, f"run {run}")
    assert origins(ledger) == [f"run {run}" for run in range(5)]
    assert entries(ledger)[-1].number > LONG_AGO


def test_another_model_at_the_same_address_takes_its_place(ledger: Path, model: str, tmp_path: Path) -> None:
    """After a root was wiped, artifacts get the old ones' URIs; the old model is then no baseline any more."""
    record(ledger, model, "root/Trainer/7", made=1)
    record(ledger, model_in(tmp_path / "new", "new graph"), "root/Trainer/7", made=5)
    (entry,) = entries(ledger)
    assert (entry.number, files_in(entry.model)["Format-Serving/saved_model.pb"]) == (5, "new graph")


def test_two_models_may_be_made_at_the_same_moment(ledger: Path, model: str) -> None:
    """Each has an entry of its own."""
    record(ledger, model, "run 1", made=7)
    record(ledger, model, "run 2", made=7)
    assert {entry.origin: entry.number for entry in entries(ledger)} == {"run 1": 7, "run 2": 8}


@pytest.mark.parametrize(("keep", "kept"), [(3, [3, 4, 5]), (1, [4, 5]), (10, [1, 2, 3, 4, 5])])
def test_the_latest_entries_are_kept(ledger: Path, model: str, keep: int, kept: list[int]) -> None:
    """The ledger does not grow for ever; the two latest stay whatever is asked for."""
    for number in range(1, 6):
        record(ledger, model, f"run {number}", made=number, keep=keep)
    assert [entry.number for entry in entries(ledger)] == kept
    assert sorted(path.name for path in ledger.iterdir()) == [str(number) for number in kept]


def test_writers_at_the_same_time_lose_nothing(ledger: Path, model: str) -> None:
    """Eight models that are blessed at once are eight whole entries."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: record(ledger, model, f"run {run}"), range(8)))
    assert sorted(origins(ledger)) == [f"run {run}" for run in range(8)]
    assert all(files_in(entry.model) == FILES for entry in entries(ledger))


def killed_in_the_middle(source: str, target: str) -> None:
    """Copies half a model and ends the process as kill -9 does."""
    shutil.copytree(source, target, ignore=lambda *_: ["variables"])
    os._exit(9)


def test_a_killed_writer_leaves_no_entry(ledger: Path, model: str) -> None:
    """What it had copied is no baseline, hinders nobody, and is swept away once it is a day old."""
    record(ledger, model, "run 1", made=1)
    child = os.fork()
    if not child:
        try:
            record(ledger, model, "run 2", made=2, copy=killed_in_the_middle)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert (ledger / "2" / "model" / "Format-Serving" / "saved_model.pb").exists()
    assert said_by(latest(ledger, other_than="")) == "run 1"
    record(ledger, model, "run 2", made=2)
    assert origins(ledger) == ["run 1", "run 2"]
    assert (ledger / "2").exists()  # it might be another writer's, who is at work
    os.utime(ledger / "2", (LONG_AGO, LONG_AGO))
    record(ledger, model, "run 4", made=4)
    assert not (ledger / "2").exists()
    assert origins(ledger) == ["run 1", "run 2", "run 4"]


def test_a_copy_that_fails_leaves_nothing(ledger: Path, tmp_path: Path) -> None:
    """A model that is not there is an error that names it, and no entry."""
    with pytest.raises(NotADirectoryError, match="nowhere"):
        record(ledger, str(tmp_path / "nowhere"), "run 1")
    assert list(ledger.iterdir()) == []


def test_a_ledger_that_is_a_file_is_an_error(tmp_path: Path, model: str) -> None:
    """Where no folder can be made, the error names the place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        record(tmp_path / "file", model, "run 1")


def test_what_is_no_entry_is_passed_over(ledger: Path, model: str) -> None:
    """Files and folders that others put beside the entries are neither read nor removed."""
    record(ledger, model, "run 1", made=1)
    for name in ("README", "12"):
        (ledger / name).write_text("")
    (ledger / "lost+found").mkdir()
    assert origins(ledger) == ["run 1"]
    record(ledger, model, "run 2", made=12)
    assert {"README", "12", "lost+found"} <= {path.name for path in ledger.iterdir()}


@pytest.mark.parametrize("text", ["", "[]", '{"origin": "x"}', '{"origin": "x", "made": "y"}', "\xff"])
def test_an_entry_that_cannot_be_read_stops_the_run(ledger: Path, model: str, text: str) -> None:
    """A candidate is not let pass for want of a baseline: the error says which folder to remove."""
    path = record(ledger, model, "run 1", made=1).path
    (path / "entry.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(PenstockError, match=f"Remove the folder {path}"):
        latest(ledger, other_than="")


def test_an_entry_that_is_gone_is_named(ledger: Path) -> None:
    """A number that was found, and has been removed since, is an error that says so."""
    with pytest.raises(PenstockError, match="5: this blessed model is no longer there"):
        entry_at(ledger, 5)


def copy_name(source: str, target: str) -> None:
    """Copies the name of a model for the model."""
    Path(target).mkdir()
    Path(target, "name").write_text(source)


def tfx_takes(history: list[tuple[int, bool]], candidate: int) -> str:
    """Returns what TFX's LatestBlessedModelStrategy takes of all models but the candidate; "" where it takes none."""
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy

    inputs: dict[str, list[Any]] = {
        "model": [model_artifact(number) for number in sorted({number for number, _ in history} - {candidate})],
        "model_blessing": [blessing_artifact(number, blessed=blessed) for number, blessed in history],
    }
    taken = LatestBlessedModelStrategy().resolve_artifacts(None, inputs)["model"]
    return f"model {taken[0].id}" if taken else ""


def model_artifact(number: int) -> Model:
    """Returns a model with that id."""
    artifact = Model()
    artifact.id = number
    return artifact


def blessing_artifact(number: int, *, blessed: bool) -> ModelBlessing:
    """Returns the Evaluator's verdict on the model with that id."""
    artifact = ModelBlessing()
    artifact.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    artifact.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, number)
    return artifact


@given(history=st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=12), candidate=st.integers(1, 13))
@REAL_TIME
def test_the_latest_is_the_model_that_tfx_takes(history: list[tuple[int, bool]], candidate: int) -> None:
    """Whatever was evaluated, in any order and more than once, blessed or not: the same baseline as TFX's strategy."""
    with TemporaryDirectory() as folder:
        for number, blessed in history:
            if blessed:
                record(Path(folder), f"model {number}", f"model {number}", made=number * 1000, keep=99, copy=copy_name)
        found = latest(Path(folder), other_than=f"model {candidate}")
        assert said_by(found) == tfx_takes(history, candidate)
        assert found is None or (found.model / "name").read_text() == found.origin


def test_what_is_written_says_where_it_came_from(ledger: Path, model: str) -> None:
    """A person who looks into the ledger finds the model's address and when it was made, and nothing else."""
    now = int(time.time() * 1000)
    path = record(ledger, model, "root/Trainer/7", made=now).path
    assert json.loads((path / "entry.json").read_text()) == {"origin": "root/Trainer/7", "made": now}
    assert sorted(inside.name for inside in path.iterdir()) == ["entry.json", "model"]
