"""A small pipeline on real taxi trips, driven as a user drives it: by the command line, in a process of its own."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import warm

PENSTOCK = Path(sys.executable).with_name("penstock")
REPOSITORY = Path(__file__).parents[2]
EVERY = 8  # of the 15,002 trips, one in so many: enough to learn from, few enough to wait for
CONFIG = """
name: small
problem: binary
label: tips > 0.2 * fare
data:
  path: trips.csv
  splits: {train: 6, eval: 2, test: 2}
schema: {path: taxi.pbtxt}
features:
  - {column: fare, role: numeric}
  - {column: fare, role: bucketized}
  - {column: trip_miles, role: numeric}
  - {column: trip_start_timestamp, role: date}
  - {column: payment_type, role: categorical}
  - {column: company, role: hashed, buckets: 50}
  - {columns: [pickup_community_area, payment_type], role: crossed, buckets: 100}
model: {epochs: 6, trees: 0}
gates: {data: {features: {trip_start_month: warn}}}
evaluation:
  slices: [[trip_start_hour], [payment_type]]
  bars: {auc: {min: 0.85}}
  slice_bars: [{slice: {payment_type: Cash}, metrics: {accuracy: {min: 0.9}}}]
  worst_change: {auc: 0.02}
"""


@dataclass(frozen=True)
class Folder:
    """A user's folder: a configuration, its schema and its data."""

    path: Path

    @property
    def data(self) -> Path:
        """The rows."""
        return self.path / "trips.csv"

    @property
    def workdir(self) -> Path:
        """Where the pipeline keeps its files."""
        return self.path / "var" / "small"

    @property
    def versions(self) -> list[str]:
        """What is pushed."""
        serving = self.workdir / "serving" / "small"
        return sorted(path.name for path in serving.iterdir() if path.name.isdecimal()) if serving.exists() else []

    def penstock(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in the folder."""
        return warm.penstock(words, self.path)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs the pipeline."""
        return self.penstock("run", "small.yaml", *words)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts a run of the pipeline, to be watched line by line."""
        return subprocess.Popen(
            [str(PENSTOCK), "run", "small.yaml", *words],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def copy(self, path: Path) -> Folder:
        """Returns the same folder elsewhere, with what was run in it."""
        shutil.copytree(self.path, path, symlinks=True)
        return Folder(path)


def read_until(process: subprocess.Popen[str], step: str) -> str:
    """Returns what a run that was started has printed when a step begins; all of it, if the step never does."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if line.startswith(f"{step}: running"):
            break
    return seen


def trips() -> list[list[str]]:
    """The header and some of the real trips."""
    spec = importlib.util.find_spec("tfx")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0], "examples/chicago_taxi_pipeline/data/simple/data.csv")
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    header, *kept = [rows[0], *rows[1::EVERY]]
    for row in kept[::EVERY]:
        row[header.index("trip_start_month")] = "13"  # which the small pipeline is told to warn of only
    return [header, *kept]


def write_rows(path: Path, rows: list[list[str]]) -> None:
    """Writes a CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def make_folder(path: Path) -> Folder:
    """Writes the small pipeline."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "small.yaml").write_text(CONFIG)
    shutil.copy(REPOSITORY / "schema" / "taxi.pbtxt", path)
    write_rows(path / "trips.csv", trips())
    return Folder(path)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The small pipeline, never run."""
    return make_folder(tmp_path / "fresh")


@dataclass(frozen=True)
class Pushed:
    """The small pipeline after one run that pushed, and what that run printed as JSON."""

    folder: Folder
    summary: dict[str, Any]


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Pushed:
    """The one run that the tests of its results share; read it, do not change it."""
    folder = make_folder(tmp_path_factory.mktemp("session") / "small")
    done = folder.run("--json")
    assert done.returncode == 0, done.stderr
    return Pushed(folder, json.loads(done.stdout))
