"""What a quick model of scikit-learn's reaches on the test split, and what a constant answer does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from pipeline.init.decisions import Decision
from pipeline.init.label import Label
from pipeline.init.profile import Kind
from pipeline.init.splits import Division

Array = npt.NDArray[Any]
Metric = Callable[[Array, Array], float]
MOST_TRAINED, MOST_TESTED = 30_000, 20_000  # rows: a baseline is quick
SMALL = 5000  # rows; below, a linear model is tried too, and the worse of the two counts
MOST_CODES = 200  # values of a category; the trees take 255
MOST_ONE_HOT = 30
TREES, TREES_OF_MANY_CLASSES = 100, 300  # of one class; of all classes together
RESAMPLED = 200
MOST_RESAMPLED = 2000  # rows
SMALLEST_PROBABILITY = 1e-7  # Keras' epsilon
SEED = 0
CATEGORIES = (Kind.CATEGORY, Kind.CODE, Kind.MANY)


@dataclass(frozen=True)
class Measured:
    """One metric on the test rows: of a constant answer, of the baseline, and how much chance moves the latter."""

    metric: str
    trivial: float
    baseline: float
    error: float


@dataclass(frozen=True)
class Baseline:
    """All metrics, the rows that they were measured on, and the models that were tried."""

    measured: tuple[Measured, ...]
    rows: int
    models: str


def measure(
    decisions: Sequence[Decision], table: pa.Table, label: Label, division: Division, metrics: Sequence[str]
) -> Baseline:
    """Returns what a quick baseline reaches of some metrics on the test split."""
    (train, test), values = _rows_of(division), label.values  # noqa: PD011  # an array of NumPy's
    if label.classes:
        test = test[np.isin(values[test], values[train])]
    codes, is_category = _matrix(decisions, table)
    truth, known = values[test], values[train]
    with threadpool_limits(1 if len(train) < SMALL else None):
        models = list(_models(label, codes, is_category, len(train)))
        scores = [_scores(model.fit(inputs[train], known), inputs[test], label) for model, inputs in models]
    trivial = _constant(label, known, len(test))
    measured = [_measured(metric, truth, trivial, scores, label.problem) for metric in metrics]
    named = "gradient-boosted trees" + (" and a linear model, the worse of the two" if len(scores) > 1 else "")
    return Baseline(tuple(measured), len(test), named)


def auc(truth: Array, scores: Array) -> float:
    """Returns the area under the ROC curve, from the ranks of the positive rows (Mann and Whitney 1947).

    Raises:
      ValueError: all rows are of one class.
    """
    positive = int(truth.sum())
    pairs = positive * (len(truth) - positive)
    if not pairs:
        raise ValueError("the rows are of one class")
    ranks = pd.Series(scores[:, 1]).rank().to_numpy()[truth == 1].sum()
    return float((ranks - positive * (positive + 1) / 2) / pairs)


def log_loss(truth: Array, scores: Array) -> float:
    """Returns the mean negative logarithm of the probability of what was true; scores of shape [rows, classes]."""
    likely = np.clip(scores, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)[np.arange(len(truth)), truth.astype(int)]
    return float(-np.log(likely).mean())


def accuracy(truth: Array, scores: Array) -> float:
    """Returns the share of rows whose likeliest class is true."""
    return float((scores.argmax(axis=1) == truth).mean())


def rmse(truth: Array, scores: Array) -> float:
    """Returns the root of the mean squared error."""
    return float(np.sqrt(((truth - scores) ** 2).mean()))


def r2(truth: Array, scores: Array) -> float:
    """Returns the share of the variance that is explained.

    Raises:
      ValueError: there is none.
    """
    variance = truth.var()
    if not variance:
        raise ValueError("all values are the same")
    return float(1 - ((truth - scores) ** 2).mean() / variance)


METRICS: dict[str, dict[str, Metric]] = {
    "binary": {
        "auc": auc,
        "pr_auc": lambda truth, scores: float(average_precision_score(truth, scores[:, 1])),
        "log_loss": log_loss,
    },
    "multiclass": {"accuracy": accuracy, "log_loss": log_loss},
    "regression": {"rmse": rmse, "r2": r2},
}
SMALLER_IS_BETTER = ("log_loss", "rmse")


def _rows_of(division: Division) -> tuple[Array, Array]:
    generator = np.random.default_rng(SEED)
    train = generator.permutation(np.flatnonzero(division.names != "test"))[:MOST_TRAINED]
    test = generator.permutation(np.flatnonzero(division.names == "test"))[:MOST_TESTED]
    return train, test


def _matrix(decisions: Sequence[Decision], table: pa.Table) -> tuple[Array, Array]:
    """The features as numbers, missing ones NaN, shape [rows, columns], and which of them are categories."""
    kept = [decision.profile for decision in decisions if decision.roles]
    is_category = np.array([seen.kind in CATEGORIES for seen in kept])
    columns = [
        _category_codes(table.column(seen.name)) if of else _numbers(table.column(seen.name))
        for seen, of in zip(kept, is_category, strict=True)
    ]
    return np.stack(columns, axis=1), is_category


def _numbers(column: pa.ChunkedArray) -> Array:
    numbers: Array = column.cast(pa.float64()).to_numpy()
    return numbers


def _category_codes(column: pa.ChunkedArray) -> Array:
    """The rank of each row's value by how common it is, the rare ones together; NaN where it is missing."""
    counts = pc.value_counts(column.drop_null())
    order = np.argsort(-counts.field(1).to_numpy(), kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.minimum(np.arange(len(order)), MOST_CODES)
    at = pc.index_in(column, counts.field(0)).to_numpy().astype(np.float64)
    return np.where(np.isnan(at), np.nan, rank[np.nan_to_num(at).astype(int)])


def _models(label: Label, codes: Array, is_category: Array, rows: int) -> Iterator[tuple[Any, Array]]:
    """Yields each model with its inputs."""
    classes = max(1, len(label.classes) - 1)
    trees = HistGradientBoostingClassifier if label.classes else HistGradientBoostingRegressor
    rounds = min(TREES, max(10, TREES_OF_MANY_CLASSES // classes))
    yield trees(categorical_features=is_category, max_iter=rounds, random_state=SEED), codes
    if rows < SMALL:
        linear = LogisticRegression(max_iter=1000) if label.classes else Ridge()
        yield make_pipeline(StandardScaler(), linear), _wide(codes, is_category)


def _wide(codes: Array, is_category: Array) -> Array:
    """The features as a linear model takes them: categories one-hot, missing numbers their median beside a sign."""
    parts = []
    for values, is_one in zip(codes.T, is_category, strict=True):
        if is_one:
            cut = np.minimum(np.nan_to_num(values, nan=-1), MOST_ONE_HOT)
            parts += [(cut == value).astype(float) for value in np.unique(cut)]
        else:
            missing = np.isnan(values)
            middle = 0.0 if missing.all() else float(np.nanmedian(values))
            parts += [np.where(missing, middle, values), *([missing.astype(float)] if missing.any() else [])]
    return np.stack(parts, axis=1)


def _scores(model: Any, inputs: Array, label: Label) -> Array:
    """What a model says of rows: probabilities, shape [rows, classes], or numbers, shape [rows]."""
    if not label.classes:
        numbers: Array = model.predict(inputs)
        return numbers
    scores = np.zeros((len(inputs), len(label.classes)))
    scores[:, model.classes_] = model.predict_proba(inputs)
    return scores


def _constant(label: Label, known: Array, rows: int) -> Array:
    if not label.classes:
        return np.full(rows, known.mean())
    shares = np.bincount(known, minlength=len(label.classes)) / len(known)
    return np.tile(shares, (rows, 1))


def _measured(metric: str, truth: Array, trivial: Array, scores: Sequence[Array], problem: str) -> Measured:
    function = METRICS[problem][metric]
    pick = max if metric in SMALLER_IS_BETTER else min
    worst, index = pick((_safe(function, truth, one), index) for index, one in enumerate(scores))
    return Measured(metric, _safe(function, truth, trivial), worst, _error(function, truth, trivial, scores[index]))


def _error(function: Metric, truth: Array, trivial: Array, scores: Array) -> float:
    """The standard error of the gain over a constant answer, by the bootstrap (Efron 1979) on the same rows of both.

    Of many rows it is scaled from some of them.
    """
    generator = np.random.default_rng(SEED)
    rows = min(len(truth), MOST_RESAMPLED)
    draws = (generator.integers(0, len(truth), rows) for _ in range(RESAMPLED))
    gains = [_safe(function, truth[at], scores[at]) - _safe(function, truth[at], trivial[at]) for at in draws]
    known = [gain for gain in gains if np.isfinite(gain)]
    return float(np.std(known) * np.sqrt(rows / len(truth))) if known else 0.0


def _safe(function: Metric, truth: Array, scores: Array) -> float:
    """A metric; NaN where the rows have one class only, of which it says nothing."""
    try:
        return function(truth, scores)
    except ValueError:
        return float("nan")


def gain_of(one: Measured) -> float:
    """Returns by how much the baseline is better than a constant answer; negative where it is worse."""
    return one.trivial - one.baseline if one.metric in SMALLER_IS_BETTER else one.baseline - one.trivial
