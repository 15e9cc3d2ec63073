"""How the rows are divided, by ExampleGen's own hashes: the baseline is measured on the rows that a run tests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.columns import Hashes, assign_splits
from pipeline.init.label import Label
from schema.errors import UsageError

SMALL = 2000  # rows; a tenth of fewer is too few to test on
TINY = 300  # rows; of a fifth of fewer one row is more than two per cent
OF_TINY = {"train": 4, "eval": 2, "test": 3}
OF_SMALL = {"train": 6, "eval": 2, "test": 2}
OF_LARGE = {"train": 8, "eval": 1, "test": 1}
SEEDS = 100
FAIR = 0.75  # of the rows that a split ought to have, at least; of a small table's classes, too
SPLITS = ("train", "eval", "test")


@dataclass(frozen=True)
class Division:
    """The rows' splits: `data.splits`, `data.split_seed`, the split of each row, shape [rows], and what is amiss."""

    splits: Mapping[str, int]
    seed: int
    names: npt.NDArray[np.str_]
    doubt: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each split has."""
        return {split: int((self.names == split).sum()) for split in SPLITS}


def divide(label: Label, hashes: Callable[[int], Hashes]) -> Division:
    """Returns the division of the first seed whose splits all have each class and rows enough; else of the best seed.

    Of a small table each class must have its share in each split, or nearly: thirty rows to test on, half of them by
    chance of one class, say little of the others.

    Raises:
      UsageError: there are too few rows for three splits.
    """
    rows = len(label.values)
    splits = OF_TINY if rows < TINY else OF_SMALL if rows < SMALL else OF_LARGE
    best: tuple[tuple[int, ...], Division] | None = None
    for seed in range(SEEDS):
        division = Division(splits, seed, assign_splits(hashes(seed), splits))
        lacking = _faults(label, division)
        if not any(lacking):
            return division
        if best is None or lacking < best[0]:
            best = lacking, division
    assert best is not None
    return _with_doubt(label, best[1])


def _faults(label: Label, division: Division) -> tuple[int, ...]:
    """How much a division lacks, what is worst first: classes in the train, test and eval split, and then rows."""
    absent = (len(_lacking(label, division, split)) for split in ("train", "test", "eval"))
    return (*absent, _short(label, division))


def _lacking(label: Label, division: Division, split: str) -> list[str]:
    """The classes that a split lacks; of a regression, whether it lacks rows."""
    values = label.values[division.names == split]
    if not label.classes:
        return [] if len(values) else ["any row"]
    return [name for index, name in enumerate(label.classes) if not (values == index).any()]


def _short(label: Label, division: Division) -> int:
    """How many splits have far fewer rows than their share; of a small table, how many classes in them have."""
    is_by_class = label.classes and len(label.values) < SMALL
    classes = label.values if is_by_class else np.zeros(len(label.values), np.int64)
    rows, buckets = np.bincount(classes), sum(division.splits.values())
    return sum(
        int((np.bincount(classes[division.names == split], minlength=len(rows)) < FAIR * rows * size / buckets).sum())
        for split, size in division.splits.items()
    )


def _with_doubt(label: Label, division: Division) -> Division:
    if min(division.counts.values()) == 0:
        raise UsageError(
            f"{len(label.values)} rows are too few, or too much alike, to train, evaluate and test a model: some split "
            "gets none (equal rows go to the same one). Give more rows."
        )
    lacking = {split: names for split in SPLITS if (names := _lacking(label, division, split))}
    if not lacking:
        return division
    told = "; ".join(f"{split} lacks {', '.join(names[:3])}" for split, names in lacking.items())
    doubt = f"some class has too few rows for three splits ({told}): give more rows of it, or leave it out"
    return Division(division.splits, division.seed, division.names, doubt)
