from __future__ import annotations

import math

import pytest

from components.report.bars import Bar, Bars
from pipeline.evaluation import eval_config
from tests.unit.samples import config


def test_bars_are_those_of_the_configuration() -> None:
    """A bar binds all rows, one value of a slice, or each value of it, whichever the configuration says."""
    slice_bars = [
        {"slice": {"hour": None}, "metrics": {"accuracy": {"min": 0.6}}},
        {"slice": {"hour": "3"}, "metrics": {"accuracy": {"min": 0.7, "max": 0.9}}},
    ]
    evaluation = {"metrics": ["auc", "accuracy"], "bars": {"log_loss": {"max": 0.25}}, "worst_change": {"auc": 0.01}}
    bars = Bars(eval_config(config(evaluation=evaluation | {"slice_bars": slice_bars, "threshold": 0.3})))
    assert bars.metrics == ["auc", "accuracy", "log_loss"]
    assert bars.threshold == 0.3
    assert bars.of("auc", {}) == Bar(worst_change=-0.01)
    assert bars.of("log_loss", {}) == Bar(most=0.25)
    assert bars.of("accuracy", {}) == bars.of("accuracy", {"hour": "3", "city": "Rome"}) == Bar()
    assert bars.of("accuracy", {"hour": "4"}) == Bar(least=0.6)
    assert bars.of("accuracy", {"hour": "3"}) == Bar(least=0.7, most=0.9)


def test_a_metric_of_errors_may_not_rise() -> None:
    """Where smaller is better a change for the worse is one upwards."""
    bar = Bars(eval_config(config(evaluation={"worst_change": {"log_loss": 0.01}}))).of("log_loss", {})
    assert [bar.is_missed_by_change(change) for change in (0.02, 0.01, -0.5, None)] == [True, False, False, False]


@pytest.mark.parametrize(
    ("bar", "cleared", "missed"),
    [
        (Bar(), (None, 0.0, math.nan), ()),
        (Bar(least=0.5), (0.5, 0.51), (0.49, None, math.nan)),
        (Bar(most=0.5), (0.5, -1.0), (0.51, None, math.nan)),
        (Bar(least=0.0), (0.0,), (-0.1,)),
        (Bar(least=0.4, most=0.6), (0.5,), (0.3, 0.7)),
    ],
)
def test_a_bar_is_cleared_by_a_value_within_it(
    bar: Bar, cleared: tuple[float | None, ...], missed: tuple[float | None, ...]
) -> None:
    """A value at the bound clears it; what is not there, or no number, clears none."""
    assert not any(map(bar.is_missed_by, cleared))
    assert all(map(bar.is_missed_by, missed))
