"""Columns that say the answer: equal to the label, one to one with it, or suspiciously good at foretelling it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.init.label import Label

CORRELATED = 0.9999
NEARLY_PERFECT = 0.999
FEWEST_PRESENT = 0.5  # of the rows, for a correlation to say something
LEAVES = 8
ROWS_A_LEAF = 5
SMALLEST_LEAF = 0.01  # of the rows
MOST_ROWS = 20_000
ENOUGH_ROWS = 30
SEED = 0


def leak_of(column: pa.ChunkedArray, label: Label) -> str:
    """Returns why a column is the label in another guise; "" where it is not."""
    if label.classes and _is_one_to_one(_codes(column), label.values):
        return "it is one to one with the label"
    if not pa.types.is_binary(column.type) and _is_line(column, label):
        return "it grows in a straight line with the label"
    return ""


def suspicion_of(column: pa.ChunkedArray, label: Label) -> str:
    """Returns what is said of a column that foretells the label by itself, all but perfectly; "" of others."""
    if len(label.values) < ENOUGH_ROWS:
        return ""
    score = _score_alone(column, label)
    if score < NEARLY_PERFECT:
        return ""
    return f"it alone foretells {score:.2%} of the label: is it known before the answer is?"


def _is_one_to_one(codes: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> bool:
    pairs = len(np.unique(np.stack([codes, classes]), axis=1).T)
    return pairs == len(np.unique(codes)) == len(np.unique(classes))


def _is_line(column: pa.ChunkedArray, label: Label) -> bool:
    numbers, values = _numbers(column), label.values.astype(np.float64)
    present = ~np.isnan(numbers)
    if present.mean() < FEWEST_PRESENT or present.sum() < 3:  # noqa: PLR2004  # two points make a line
        return False
    if label.problem == "multiclass":  # whose numbers are names
        return False
    kept, expected = numbers[present], values[present]
    if np.ptp(kept) == 0 or np.ptp(expected) == 0:
        return False
    return bool(abs(np.corrcoef(kept, expected)[0, 1]) > CORRELATED)


def _score_alone(column: pa.ChunkedArray, label: Label) -> float:
    """The accuracy beyond the commonest class, or R², of a tree of few leaves over one column."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    rows = np.random.default_rng(SEED).permutation(len(label.values))[:MOST_ROWS]
    inputs = _ranked(column, label)[rows].reshape(-1, 1)
    values = label.values[rows]
    smallest = max(ROWS_A_LEAF, int(SMALLEST_LEAF * len(rows)))
    leaves = max(LEAVES, 2 * len(label.classes))
    tree = DecisionTreeClassifier if label.classes else DecisionTreeRegressor
    score = (
        tree(max_leaf_nodes=leaves, min_samples_leaf=smallest, random_state=SEED)
        .fit(inputs, values)
        .score(inputs, values)
    )
    if not label.classes:
        return float(score)
    chance = np.bincount(values).max() / len(values)
    return float((score - chance) / (1 - chance)) if chance < 1 else 0.0


def _ranked(column: pa.ChunkedArray, label: Label) -> npt.NDArray[np.float64]:
    """Numbers as they are; texts by the mean label of their rows, so that a few cuts part them; missing ones below."""
    if not pa.types.is_binary(column.type):
        return np.nan_to_num(_numbers(column), nan=-np.inf, posinf=np.inf).clip(-1e30, 1e30)
    codes = _codes(column) + 1
    sums, counts = np.bincount(codes, weights=label.values), np.bincount(codes)
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    ranked: npt.NDArray[np.float64] = means[codes]
    return ranked


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The index of each row's value among the different ones; -1 where it is missing."""
    indices = pc.dictionary_encode(column).combine_chunks()
    indices = indices.chunk(0) if isinstance(indices, pa.ChunkedArray) else indices
    codes: npt.NDArray[np.int64] = indices.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    numbers: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return numbers
