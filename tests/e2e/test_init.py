"""A newcomer's first three commands, on the irises that scikit-learn carries."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from tests.e2e.conftest import PENSTOCK

pytestmark = pytest.mark.e2e
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def penstock(folder: Path, *words: str) -> str:
    """What a command prints, which succeeds."""
    done = subprocess.run([str(PENSTOCK), *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_init_run_and_predict_on_irises(tmp_path: Path) -> None:
    """What init writes runs unedited, is pushed past its bars, and names the species of most flowers."""
    irises = load_iris()
    with (tmp_path / "iris.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*NAMES, "species"])
        for values, target in zip(irises.data, irises.target, strict=True):
            writer.writerow([*values, irises.target_names[target]])
    penstock(tmp_path, "init", "iris", "--data", "iris.csv", "--label", "species")
    summary = json.loads(penstock(tmp_path, "run", "configs/iris.yaml", "--json"))
    assert sum(summary["rows"].values()) == len(irises.data)
    assert summary["metrics"][0]["metrics"]["accuracy"] > 0.6
    printed = penstock(tmp_path, "predict", "configs/iris.yaml", "--input", "iris.csv")
    answers = [json.loads(line)["label"] for line in printed.splitlines()]
    right = [answer == irises.target_names[target] for answer, target in zip(answers, irises.target, strict=True)]
    assert sum(right) > 0.8 * len(right)
