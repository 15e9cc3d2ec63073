from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.anomalies import allowed
from components.infra_validator import differences
from components.preprocessing import to_column
from components.publication import Version, latest_version, publish
from components.user_code import load_function
from schema.errors import UsageError
from tests.components.test_checkpoints import build, checkpointing, end_epochs, only_weight
from tests.components.test_infra_validator import answer
from tests.components.test_publication import YEAR_2100, make_model

NAN = float("nan")


def test_a_kill_between_the_two_renames_loses_no_checkpoint(tmp_path: Path) -> None:
    """With the old checkpoint put aside and the new one not yet in its place, the old one is resumed from."""
    folder = tmp_path / "checkpoint"
    end_epochs(build(), checkpointing(tmp_path), [0.5])
    shutil.copytree(folder / "latest", folder / "new")
    (folder / "latest").rename(folder / "old")
    model, stopping = build(), checkpointing(tmp_path)
    assert stopping.resume(model) == 1
    assert only_weight(model) == 0.5
    end_epochs(model, stopping, [0.25])
    assert [path.name for path in folder.iterdir()] == ["latest"]
    assert checkpointing(tmp_path).resume(build()) == 2


def test_a_loss_that_is_not_a_number_is_never_the_best(tmp_path: Path) -> None:
    """After an epoch of NaN a finite loss is better, and its weights are those that training ends with."""
    model, stopping = build(), checkpointing(tmp_path)
    end_epochs(model, stopping, [NAN, 0.5, 0.75])
    stopping.on_train_end()
    assert only_weight(model) == 0.5
    assert stopping.progress.best_loss == 0.5


def test_a_kill_after_an_epoch_of_nan_is_resumed_from(tmp_path: Path) -> None:
    """A checkpoint without best weights is a checkpoint, and the next finite loss is the best."""
    end_epochs(build(), checkpointing(tmp_path), [NAN])
    model, stopping = build(), checkpointing(tmp_path)
    assert stopping.resume(model) == 1
    end_epochs(model, stopping, [0.5, NAN])
    stopping.on_train_end()
    assert only_weight(model) == 0.5


def test_patience_runs_out_on_losses_that_are_not_numbers(tmp_path: Path) -> None:
    """A training that diverges at once stops after as many epochs as one that gets no better."""
    model, stopping = build(), checkpointing(tmp_path, patience=2)
    end_epochs(model, stopping, [NAN, NAN])
    assert model.stop_training


def test_an_empty_text_in_a_sparse_column_is_missing() -> None:
    """An empty text is no value of a sparse input, as it is none of a dense one."""
    column = to_column(tf.SparseTensor([[0, 0], [1, 0]], tf.constant(["", "x"]), [2, 1]))
    assert column.indices.numpy().tolist() == [[1, 0]]
    assert column.values.numpy().tolist() == [b"x"]
    assert column.dense_shape.numpy().tolist() == [2, 1]


def test_the_difference_that_is_told_is_beyond_the_tolerance() -> None:
    """A row that differs by less than the tolerance is passed over for the first that differs by more."""
    (sentence,) = differences(answer(0.25, 0.5, 0.5), answer(0.25001, 0.75, 1.0), 0.001, "there")
    assert sentence == "serving_default answered another 'probability': 0.5 in process, 0.75 there, at row 1"


def test_a_nan_that_both_answer_is_not_the_difference_that_is_told() -> None:
    """NaN equals NaN in the search for the first difference too."""
    (sentence,) = differences(answer(NAN, 0.5), answer(NAN, 0.75), 0.001, "there")
    assert sentence.endswith(": 0.5 in process, 0.75 there, at row 1")


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ("type: INT int_domain { min: 1356998400 max: 4102444800 }", "integers, from 1356998400 to 4102444800"),
        ("type: INT int_domain { max: 9223372036854775807 }", "integers, to 9223372036854775807"),
        ("type: FLOAT float_domain { min: 1356998400 max: 0.25 }", "numbers, from 1356998400 to 0.25"),
    ],
)
def test_large_bounds_of_a_schema_are_said_in_full(feature: str, words: str) -> None:
    """A bound is written with all its digits, so that it can be compared with the data's."""
    assert allowed(text_format.Parse(f'name: "x" {feature}', schema_pb2.Feature()), {}) == words


@pytest.mark.parametrize("path", ["build_model", ".a.b"])
def test_a_path_without_a_module_is_refused(path: str) -> None:
    """A bare or a relative name is told to be no path of a function."""
    with pytest.raises(UsageError, match=f"^{path}: cannot import "):
        load_function(path)


def test_a_number_with_zeros_before_it_is_a_version(tmp_path: Path) -> None:
    """The latest version's path is that of its folder, however the number is written there."""
    (tmp_path / "007").mkdir()
    assert latest_version(tmp_path) == Version(7, tmp_path / "007", is_new=False)


def test_a_model_in_a_folder_with_zeros_before_its_number_is_not_published_again(tmp_path: Path) -> None:
    """Its origin is read from the folder that is there."""
    model, destination = make_model(tmp_path / "model"), tmp_path / "taxi"
    first = publish(model, destination, "run 1")
    padded = first.path.rename(destination / f"0{first.number}")
    assert publish(model, destination, "run 1") == Version(first.number, padded, is_new=False)


def test_digits_of_another_script_give_no_path_that_is_not_there(tmp_path: Path) -> None:
    """Whether or not such a folder is taken for a version, no path is made up for it."""
    (tmp_path / "\u0661\u0662").mkdir()
    latest = latest_version(tmp_path)
    assert latest is None or latest.path.is_dir()


def test_a_file_named_as_a_number_is_no_version(tmp_path: Path) -> None:
    """Versions are folders: a file is neither the latest nor does it push up the next number."""
    model, destination = make_model(tmp_path / "model"), tmp_path / "taxi"
    destination.mkdir()
    (destination / "99").write_text("")
    assert latest_version(destination) is None
    (destination / str(YEAR_2100)).write_text("")
    assert publish(model, destination, "run 1").number < YEAR_2100
