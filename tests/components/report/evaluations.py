"""Evaluation folders as TFMA writes them, of predictions that are given: no model is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow_model_analysis as tfma
from tfx.types import standard_component_specs  # noqa: F401  # completes tfma: its own import lacks names

from pipeline.evaluation import eval_config
from schema.roles import LABEL
from tests.unit.samples import config

CITIES = ("Rome", "Paris", "<script>alert(1)</script>")


def evaluate(folder: Path, frame: pd.DataFrame, problem: str, label: str, **evaluation: Any) -> Path:
    """Writes what TFMA makes of the columns LABEL, "answer" and those of the slices; returns the folder."""
    given = eval_config(config(problem=problem, label=label, evaluation=evaluation))
    del given.model_specs[:]
    given.model_specs.add(label_key=LABEL, prediction_key="answer")
    tfma.analyze_raw_data(frame, given, output_path=str(folder))
    return folder


def binary(folder: Path) -> Path:
    """300 rows in three cities, one of a name that is markup, where the model is right the more often the surer."""
    random = np.random.default_rng(7)
    answers = random.uniform(size=300)
    labels = (random.uniform(size=300) < answers).astype(float)
    frame = pd.DataFrame({LABEL: labels, "answer": answers, "city": np.array(CITIES)[np.arange(300) % 3]})
    bars: dict[str, Any] = {"bars": {"auc": {"min": 0.7}}, "slices": [["city"]], "threshold": 0.4}
    bars |= {"slice_bars": [{"slice": {"city": "Rome"}, "metrics": {"accuracy": {"min": 0.99}}}]}
    return evaluate(folder, frame, "binary", "tips > 1", **bars)


def multiclass(folder: Path) -> Path:
    """Six rows of three classes, four of them classified right."""
    answers = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1], [0.2, 0.3, 0.5], [0.4, 0.35, 0.25]]
    frame = pd.DataFrame({LABEL: [0, 1, 2, 0, 1, 1], "answer": answers})
    return evaluate(folder, frame, "multiclass", "kind")


def regression(folder: Path) -> Path:
    """Four rows."""
    frame = pd.DataFrame({LABEL: [1.0, 2.0, 3.0, 4.0], "answer": [1.5, 2.0, 2.5, 4.5]})
    return evaluate(folder, frame, "regression", "tips")
