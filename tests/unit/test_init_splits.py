"""The division that `init` writes: one whose splits say something of each class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.columns import Hashes, hash_values
from pipeline.init.label import Label
from pipeline.init.splits import OF_LARGE, OF_SMALL, OF_TINY, SPLITS, divide
from schema.errors import UsageError


def hashes_of(rows: int) -> Callable[[int], Hashes]:
    """The hashes of so many different rows, by seed."""
    values = np.array([str(row).encode() for row in range(rows)], dtype=object)
    return lambda seed: hash_values(values, seed)


def label_of_classes(*counts: int) -> Label:
    """A label with so many rows of each class."""
    names = tuple(f"class {number}" for number in range(len(counts)))
    return Label("kind", ("kind",), "multiclass", np.repeat(np.arange(len(counts)), counts), names)


@given(st.lists(st.integers(min_value=40, max_value=80), min_size=2, max_size=3))
def test_each_class_of_a_small_table_has_nearly_its_share_of_each_split(counts: list[int]) -> None:
    """No split of a small table has less than three quarters of what it ought to have of any class."""
    label = label_of_classes(*counts)
    division = divide(label, hashes_of(sum(counts)))
    share = sum(division.splits.values())
    for split in SPLITS:
        found = np.bincount(label.values[division.names == split], minlength=len(counts))
        assert (found >= 0.75 * np.array(counts) * division.splits[split] / share).all()


@pytest.mark.parametrize(("rows", "splits"), [(299, OF_TINY), (300, OF_SMALL), (1999, OF_SMALL), (2000, OF_LARGE)])
def test_a_smaller_table_tests_on_a_larger_share(rows: int, splits: dict[str, int]) -> None:
    """A third of a tiny table, a fifth of a small one, and a tenth of others."""
    assert divide(label_of_classes(rows // 2, rows - rows // 2), hashes_of(rows)).splits == splits


def test_a_class_that_is_too_rare_for_three_splits_is_told() -> None:
    """Two rows cannot be in three splits: the best division is taken, with a doubt that names the class."""
    division = divide(label_of_classes(100, 2), hashes_of(102))
    assert "class 1" in division.doubt
    assert min(division.counts.values()) > 0


def test_a_number_as_a_label_asks_for_rows_only() -> None:
    """Of a regression no value needs to be in each split."""
    label = Label("price", ("price",), "regression", np.linspace(0, 1, 300))
    assert sum(divide(label, hashes_of(300)).counts.values()) == 300


def test_rows_that_are_all_alike_are_refused() -> None:
    """Equal rows go to one split: a table of them cannot be learned from, and is told so."""
    alike = np.array([b"same"] * 50, dtype=object)
    with pytest.raises(UsageError, match="equal rows go to the same one"):
        divide(label_of_classes(25, 25), lambda seed: hash_values(alike, seed))
