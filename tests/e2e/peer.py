"""The peer: scikit-learn's HistGradientBoosting with its defaults, on the rows and columns that the pipeline had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, roc_auc_score, root_mean_squared_error
from threadpoolctl import threadpool_limits

from pipeline.config import Config
from tests.e2e.journey import Outcome, Row

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Comparison:
    """One metric of ours and of the peer's on the same test rows, and how much worse ours is than it may be.

    Attributes:
      metric: its name.
      ours, peer: its values, ours from the predictions.
      reported: ours, as the run reported it.
      gap: by how much ours is worse: a difference, of a regression a share of the peer's.
      bar: the largest gap that is good enough.
    """

    metric: str
    ours: float
    peer: float
    reported: float
    gap: float
    bar: float


def compare(outcome: Outcome) -> Comparison:
    """Returns the problem's metric of both."""
    problem = outcome.config.problem
    truth = labels(outcome.tested_on, outcome.config)
    of_peer = answers_of_peer(outcome.config, outcome.fitted_on, outcome.tested_on)
    ours, peer = (float(METRICS[problem](truth, foretold)) for foretold in (answers(outcome), of_peer))
    gap = ours / peer - 1 if problem == "regression" else peer - ours
    name, bar = BARS[problem]
    return Comparison(name, ours, peer, outcome.metrics[name], gap, bar)


def answers(outcome: Outcome) -> Values:
    """Returns what the pushed model foretells: a probability, the name of a class, or a number; shape [rows]."""
    key = {"binary": "probability", "multiclass": "label", "regression": "value"}[outcome.config.problem]
    return np.array([prediction[key] for prediction in outcome.predictions])


def answers_of_peer(config: Config, fitted_on: Sequence[Row], tested_on: Sequence[Row]) -> Values:
    """Returns what the peer, fitted on some rows, foretells of others, as `answers` has it."""
    table = features([*fitted_on, *tested_on], config)
    known, asked = table[: len(fitted_on)], table[len(fitted_on) :]
    kind = HistGradientBoostingRegressor if config.problem == "regression" else HistGradientBoostingClassifier
    with threadpool_limits(1):  # tests share the cores, and threads that wait for each other take longer than one
        model = kind(categorical_features="from_dtype", random_state=0).fit(known, labels(fitted_on, config))
        foretold: Values = model.predict_proba(asked)[:, 1] if config.problem == "binary" else model.predict(asked)
    return foretold


def features(rows: Sequence[Row], config: Config) -> pd.DataFrame:
    """Returns the columns that the configuration's features are made of: texts as categories, the rest as numbers."""
    table = pd.DataFrame(list(rows)).reindex(columns=list(config.feature_columns))
    texts = {name for name in table if table[name].map(type).eq(str).any()}
    return table.astype({name: "category" if name in texts else float for name in table})


def labels(rows: Sequence[Row], config: Config) -> Values:
    """Returns the label of each row, shape [rows]: 0 or 1, the name of a class, or a number."""
    expression = config.label_expression
    columns = {name: np.array([row[name] for row in rows]) for name in expression.columns}
    if not expression.is_column:
        columns = {name: _as_the_pipeline_reckons(column) for name, column in columns.items()}
    values = np.asarray(expression.evaluate(columns))
    kind = {"binary": int, "multiclass": str, "regression": float}[config.problem]
    return values.astype(kind)


def _as_the_pipeline_reckons(column: Values) -> Values:
    return column.astype(np.float32) if column.dtype.kind in "if" else column


METRICS = {"binary": roc_auc_score, "multiclass": accuracy_score, "regression": root_mean_squared_error}
BARS = {"binary": ("auc", 0.01), "multiclass": ("accuracy", 0.02), "regression": ("rmse", 0.05)}
