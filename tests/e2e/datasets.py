"""The tables that the default model must be good on: those that scikit-learn and TFX carry, as users have theirs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn import datasets

from pipeline.loading import resolve_path

PENGUINS = "pkg://tfx/components/testdata/penguin/data/*/*.gz"
TRIPS = "pkg://tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"


@dataclass(frozen=True)
class Dataset:
    """A table, and what is to be foretold of it.

    Attributes:
      name: of the pipeline.
      problem: what `init` must find.
      label: a column or an expression.
      rows: how many there are.
      write: puts the table into a folder and returns what `--data` is given.
    """

    name: str
    problem: str
    label: str
    rows: int
    write: Callable[[Path], str]

    def __str__(self) -> str:
        return self.name


def frame(load: Callable[..., Any], label: str, **options: Any) -> Callable[[Path], str]:
    """Returns what writes a table of scikit-learn's as pandas does, its classes by their names where they are words."""

    def write(folder: Path) -> str:
        loaded = load(as_frame=True, **options)
        table = loaded.frame.rename(columns={"target": label})
        names = loaded.get("target_names", [])
        if len(names) and isinstance(names[0], str):
            table[label] = names[loaded.target]
        table.to_csv(folder / "table.csv", index=False)
        return "table.csv"

    return write


def trips(folder: Path) -> str:
    """Copies the taxi trips that TFX carries."""
    shutil.copy(resolve_path(TRIPS, folder), folder / "table.csv")
    return "table.csv"


def penguins(_: Path) -> str:
    """Returns where TFX has its penguins, which are tf.Examples already."""
    return PENGUINS


DATASETS = (
    Dataset("iris", "multiclass", "species", 150, frame(datasets.load_iris, "species")),
    Dataset("wine", "multiclass", "cultivar", 178, frame(datasets.load_wine, "cultivar")),
    Dataset("penguins", "multiclass", "species", 334, penguins),
    Dataset("diabetes", "regression", "progression", 442, frame(datasets.load_diabetes, "progression", scaled=False)),
    Dataset("cancer", "binary", "diagnosis", 569, frame(datasets.load_breast_cancer, "diagnosis")),
    Dataset("digits", "multiclass", "digit", 1797, frame(datasets.load_digits, "digit")),
    Dataset("taxi", "binary", "tips > 0.2 * fare", 15_002, trips),
)


def of_problem(*problems: str) -> list[Dataset]:
    """Returns the tables of some problems."""
    return [dataset for dataset in DATASETS if dataset.problem in problems]
