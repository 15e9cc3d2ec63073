"""A newcomer's way from a table to predictions, by the command line alone, and what can be seen at its end."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from components.raw_examples import read_serialized
from pipeline.config import Config
from pipeline.loading import load
from tests.e2e import warm
from tests.e2e.datasets import Dataset

Row = dict[str, Any]
ALL = 1 << 31  # rows: more than there are


@dataclass(frozen=True)
class Outcome:
    """What a run and its predictions came to.

    Attributes:
      config: what was run.
      summary: what `run --json` printed.
      fitted_on: the rows of the train split and then of the eval split, each its values by column.
      tested_on: those of the test split.
      predictions: of each row of the test split.
      seconds: of the commands and of each step.
    """

    config: Config
    summary: dict[str, Any]
    fitted_on: list[Row]
    tested_on: list[Row]
    predictions: list[Row]
    seconds: dict[str, float]

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the whole test split that the run reported."""
        of_all_rows: dict[str, float] = self.summary["metrics"][0]["metrics"]
        return of_all_rows


@dataclass(frozen=True)
class Journey:
    """A folder of a newcomer's, with one table in it."""

    folder: Path
    dataset: Dataset

    @property
    def config(self) -> str:
        """The configuration that `init` writes."""
        return f"configs/{self.dataset.name}.yaml"

    def init(self) -> dict[str, Any]:
        """Writes the table, has `init` look at it, and returns what it decided."""
        data = self.dataset.write(self.folder)
        words = ("init", self.dataset.name, "--data", data, "--label", self.dataset.label, "--json")
        told: dict[str, Any] = json.loads(self._penstock(*words))
        return told

    def run(self, settings: Sequence[str] = ()) -> Outcome:
        """Runs what `init` wrote and asks the pushed model about the test split's rows, which have no label."""
        began = time.monotonic()
        told = [word for setting in settings for word in ("--set", setting)]
        summary = json.loads(self._penstock("run", self.config, "--json", *told))
        ran = time.monotonic()
        config = load([self.folder / self.config], settings)
        examples = self.folder / "var" / config.name / "root" / "ExampleGen" / "examples"
        train, evaluation, tested_on = (read_split(examples, split) for split in ("train", "eval", "test"))
        write_without(self.folder / "rows.csv", tested_on, config.label_expression.columns)
        asked = time.monotonic()
        printed = self._penstock("predict", self.config, "--input", "rows.csv")
        seconds = {"run": ran - began, "predict": time.monotonic() - asked}
        steps = {step["name"]: step["seconds"] for step in summary["steps"]}
        predictions = [json.loads(line) for line in printed.splitlines()]
        return Outcome(config, summary, train + evaluation, tested_on, predictions, seconds | steps)

    def _penstock(self, *words: str) -> str:
        """Returns what a command prints, which must succeed."""
        done = warm.penstock(words, self.folder)
        assert done.returncode == 0, f"{' '.join(words)}: exit code {done.returncode}\n{done.stderr}\n{done.stdout}"
        return done.stdout


def read_split(examples: Path, split: str) -> list[Row]:
    """Returns the raw rows of a split, as ExampleGen last wrote them into its folder of artifacts."""
    latest = max((path for path in examples.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    return [row_of(one) for one in read_serialized(str(latest / f"Split-{split}"), ALL)]


def row_of(serialized: bytes) -> Row:
    """Returns the values of a tf.Example by column, without those that are missing."""
    features = tf.train.Example.FromString(serialized).features.feature
    values = {name: _first_value(feature) for name, feature in features.items()}
    return {name: value for name, value in values.items() if value is not None}


def write_without(path: Path, rows: Sequence[Row], hidden: Sequence[str]) -> None:
    """Writes rows as a CSV without some of the columns."""
    names = sorted({name for row in rows for name in row} - set(hidden))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def _first_value(feature: Any) -> Any:
    kind = feature.WhichOneof("kind")
    value = next(iter(getattr(feature, kind).value), None) if kind else None
    return value.decode() if isinstance(value, bytes) else value
