from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.data import ROWS_AT_ONCE, ExampleSource
from tests.components.sources import rows_of, source_of

ROWS = 25
NAMES = ("miles", "city")
WAYS = pytest.mark.parametrize("in_memory", [True, False], ids=["in memory", "streamed"])


def table(classes: int = 3) -> dict[str, npt.NDArray[Any]]:
    """Returns rows of a float and an id, the first of which number them, and their classes; some have none (-1)."""
    numbers = np.random.default_rng(1)
    return {
        "miles": np.arange(ROWS, dtype=np.float32) / 8,
        "city": numbers.integers(0, 2**40, ROWS),
        "label": numbers.integers(-1, classes, ROWS),
    }


@WAYS
@pytest.mark.parametrize("files", [1, 3])
def test_a_matrix_has_the_rows_of_evaluation_in_its_order(*, in_memory: bool, files: int, tmp_path: Path) -> None:
    """Features and labels are those that the model is evaluated on, row by row, from however many files."""
    source = source_of(tmp_path, table(), files, in_memory=in_memory)
    evaluated = rows_of(source, source.evaluation(4), NAMES)
    together = np.column_stack([source.matrix(NAMES), source.labels()]).tolist()
    assert len(evaluated) == ROWS
    assert list(map(tuple, together)) == evaluated


@WAYS
def test_the_rows_are_those_of_the_files(*, in_memory: bool, tmp_path: Path) -> None:
    """None is lost, none comes twice, and the values of a row stay together."""
    source, columns = source_of(tmp_path, table(), 2, in_memory=in_memory), table()
    expected = zip(*(columns[name].tolist() for name in (*NAMES, "label")), strict=True)
    assert sorted(rows_of(source, source.evaluation(4), NAMES)) == sorted(expected)
    assert sorted(rows_of(source, source.training(4, seed=1), NAMES)) == sorted(
        rows_of(source, source.evaluation(4), NAMES)
    )


@WAYS
@pytest.mark.parametrize("limit", [1, 4, ROWS, ROWS + 10])
def test_a_limit_gives_the_first_rows(*, in_memory: bool, limit: int, tmp_path: Path) -> None:
    """As many as there are, up to the limit."""
    source = source_of(tmp_path, table(), in_memory=in_memory)
    assert source.labels(limit).tolist() == source.labels().tolist()[:limit]
    assert source.matrix(NAMES, limit).tolist() == source.matrix(NAMES).tolist()[:limit]


@WAYS
def test_a_matrix_has_the_type_that_was_asked_for(*, in_memory: bool, tmp_path: Path) -> None:
    """One that holds numbers and ids alike by default; labels of classes stay integers."""
    source = source_of(tmp_path, table(), in_memory=in_memory)
    assert source.matrix(NAMES).dtype == np.float64
    single = source.matrix(NAMES, dtype=np.float32)
    assert single.dtype == np.float32
    assert single.tolist() == source.matrix(NAMES).astype(np.float32).tolist()
    assert source.labels().dtype == np.int64


@WAYS
def test_more_rows_than_are_parsed_at_once_keep_their_order(*, in_memory: bool, tmp_path: Path) -> None:
    """A table of several portions is in one piece."""
    rows = 2 * ROWS_AT_ONCE + 3
    numbers = np.arange(rows, dtype=np.float32)
    source = source_of(tmp_path, {"miles": numbers, "label": numbers % 2}, in_memory=in_memory)
    matrix = source.matrix(("miles", "label"))
    assert sorted(matrix[:, 0].tolist()) == list(range(rows))
    assert (matrix[:, 1] == matrix[:, 0] % 2).all()


def test_the_order_in_memory_does_not_depend_on_the_files(tmp_path: Path) -> None:
    """Beam writes the rows in another order each time; the rows' hashes put them in one of their own."""
    backwards = {name: values[::-1] for name, values in table().items()}
    one, other = source_of(tmp_path / "one", table()), source_of(tmp_path / "other", backwards, 3)
    assert one.matrix(NAMES).tolist() == other.matrix(NAMES).tolist()


@WAYS
def test_a_row_weighs_what_its_class_does(*, in_memory: bool, tmp_path: Path) -> None:
    """A row without a class weighs nothing, and is given the first one, which every loss takes."""
    weights = (0.5, 1.0, 8.0)
    plain = source_of(tmp_path, table(), in_memory=in_memory)
    source = replace(plain, class_weights=weights)
    expected = {
        miles: (max(label, 0), weights[int(label)] if label >= 0 else 0.0)
        for miles, _, label in rows_of(plain, plain.evaluation(4), NAMES)
    }
    assert min(label for *_, label in rows_of(plain, plain.evaluation(4), NAMES)) == -1
    for batches in (source.evaluation(4), source.training(4, seed=1)):
        assert {miles: (label, weight) for miles, _, label, weight in rows_of(source, batches, NAMES)} == expected


def test_labels_of_zero_and_one_have_weights_too(tmp_path: Path) -> None:
    """The label of a binary problem is a float, and names its class all the same."""
    columns = {"miles": np.arange(4, dtype=np.float32), "label": np.array([0, 1, 1, 0], np.float32)}
    source = source_of(tmp_path, columns, class_weights=(0.5, 4.0))
    assert sorted(rows_of(source, source.evaluation(4), ("miles",))) == [(0, 0, 0.5), (1, 1, 4), (2, 1, 4), (3, 0, 0.5)]


def test_without_class_weights_there_are_none(tmp_path: Path) -> None:
    """A batch is features and labels, and a label of -1 is left as it is."""
    source = source_of(tmp_path, table())
    (_, labels), *_ = source.evaluation(ROWS).as_numpy_iterator()
    assert labels.min() == -1


@WAYS
def test_features_come_as_one_matrix_for_each_type(*, in_memory: bool, tmp_path: Path) -> None:
    """A batch of any number of features is two tensors, and the label."""
    source = source_of(tmp_path, table() | {"fare": np.ones(ROWS, np.float32)}, in_memory=in_memory)
    (features, label), *_ = source.evaluation(4).as_numpy_iterator()
    assert {name: (matrix.dtype, matrix.shape) for name, matrix in features.items()} == {
        "float32": (np.float32, (4, 2)),
        "int64": (np.int64, (4, 1)),
    }
    assert label.shape == (4,)


def orders(source: ExampleSource, seed: int) -> list[list[Any]]:
    """Returns the rows of two passes of training."""
    batches = source.training(4, seed)
    return [rows_of(source, batches, NAMES), rows_of(source, batches, NAMES)]


@WAYS
def test_a_seed_decides_the_order_of_each_pass(*, in_memory: bool, tmp_path: Path) -> None:
    """Another one at each pass, the same for the same seed."""
    source = source_of(tmp_path, table(), in_memory=in_memory)
    tf.random.set_seed(1)
    first = orders(source, 1)
    tf.random.set_seed(1)
    assert orders(source, 1) == first
    assert first[0] != first[1]
    tf.random.set_seed(1)
    assert orders(source, 2) != first
