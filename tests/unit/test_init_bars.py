from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipeline.init.bars import bars_of, foretells
from pipeline.init.baseline import Baseline, Measured, auc, r2

FRACTIONS = st.floats(0.01, 0.99)


def baseline(metric: str, trivial: float, reached: float, error: float) -> Baseline:
    """A baseline of one metric on a thousand rows."""
    return Baseline((Measured(metric, trivial, reached, error),), 1000, "trees")


@given(trivial=st.floats(0.1, 0.6), gain=st.floats(0.05, 0.39), error=st.floats(0, 0.02))
def test_a_bar_lies_between_a_constant_answer_and_the_baseline(trivial: float, gain: float, error: float) -> None:
    """Whatever is gained, the bar keeps at least half of it, and never asks for what the baseline reaches."""
    (bar,) = bars_of(baseline("auc", trivial, trivial + gain, error))
    assert bar.bound == "min"
    assert trivial + 0.45 * gain - 0.001 < bar.value < trivial + gain


@given(trivial=st.floats(1, 500), share=st.floats(0.2, 0.9), error=st.floats(0, 0.05))
def test_of_a_loss_the_bar_is_the_most(trivial: float, share: float, error: float) -> None:
    """Where less is better, the bar is an upper one, on the same side of both."""
    (bar,) = bars_of(baseline("rmse", trivial, trivial * share, error * trivial * (1 - share)))
    assert bar.bound == "max"
    assert trivial * share < bar.value < trivial


def test_more_chance_makes_an_easier_bar() -> None:
    """Of few test rows, of which chance says more, less is asked."""
    (sure,), (unsure,) = (bars_of(baseline("auc", 0.5, 0.9, error)) for error in (0.001, 0.03))
    assert unsure.value < sure.value


@pytest.mark.parametrize("reached", [0.5, 0.4, 0.51])
def test_a_gain_within_chance_makes_no_bar_beyond_the_constant_answer(reached: float) -> None:
    """A baseline that is no better than a coin sets a bar beneath the coin's, and does not foretell."""
    made = baseline("auc", 0.5, reached, 0.02)
    assert not foretells(made)
    (bar,) = bars_of(made)
    assert bar.value < 0.5
    assert "no better" in bar.why


def test_the_words_say_where_a_bar_comes_from() -> None:
    """Constant answer, baseline, room for chance and rows are all named with their numbers."""
    (bar,) = bars_of(baseline("accuracy", 0.775, 0.951, 0.006))
    assert (bar.trivial, bar.baseline) == ("the commonest class gives 0.775", "a quick baseline 0.951")
    assert bar.why == "the bar gives away a quarter of the gain, and 0.012 for chance on 1,000 test rows"
    assert bar.value == 0.895


@given(rows=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_is_that_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    """The area by ranks is the area under the curve, ties included."""
    truth, scores = np.array([one for one, _ in rows]), np.array([[0.0, score] for _, score in rows])
    if len(set(truth.tolist())) == 1:
        with pytest.raises(ValueError, match="one class"):
            auc(truth, scores)
        return
    assert auc(truth, scores) == pytest.approx(metrics.roc_auc_score(truth, scores[:, 1]))


def test_r2_is_that_of_scikit_learn() -> None:
    """The explained share of the variance, negative where a guess is worse than the mean."""
    truth, guess = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 9.0])
    assert r2(truth, guess) == pytest.approx(metrics.r2_score(truth, guess))
