"""The bars: between a constant answer and a quick baseline, with room for chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.init.baseline import SMALLER_IS_BETTER, Baseline, Measured, gain_of

GIVEN_AWAY = 0.25  # of what the baseline gains over a constant answer
LEAST_KEPT = 0.5
LOOSE = 0.1  # of what a constant answer reaches
ERRORS = 2  # standard errors
DIGITS = 3
NAMES = {
    "auc": "a coin gives",
    "pr_auc": "a coin gives",
    "accuracy": "the commonest class gives",
    "log_loss": "the classes' shares give",
    "rmse": "the mean gives",
    "r2": "the mean gives",
}


@dataclass(frozen=True)
class Bar:
    """A bar, and the sentence that says where it comes from."""

    metric: str
    bound: str
    value: float
    trivial: str
    baseline: str
    why: str


def bars_of(baseline: Baseline) -> tuple[Bar, ...]:
    """Returns bars on the metrics by which the baseline beats a constant answer; on the first, where there is none."""
    known = [one for one in baseline.measured if math.isfinite(one.baseline)]
    telling = [one for one in known if gain_of(one) > ERRORS * one.error]
    if telling:
        return tuple(_bar(one, baseline.rows) for one in telling)
    return tuple(_loose(one, baseline.rows) for one in known[:1])


def foretells(baseline: Baseline) -> bool:
    """Returns whether the baseline is better than a constant answer, by more than chance."""
    return any(gain_of(one) > ERRORS * one.error for one in baseline.measured)


def _bar(one: Measured, rows: int) -> Bar:
    """Three quarters of the gain less two standard errors, but never less than half of the gain."""
    gain = gain_of(one)
    kept = max((1 - GIVEN_AWAY) * gain - ERRORS * one.error, gain * LEAST_KEPT)
    room = (1 - GIVEN_AWAY) * gain - kept
    return _made(
        one, kept, f"the bar gives away a quarter of the gain, and {_round(room)} for chance on {rows:,} test rows"
    )


def _loose(one: Measured, rows: int) -> Bar:
    kept = -ERRORS * one.error - abs(one.trivial) * LOOSE
    return _made(one, kept, f"no better; the bar only leaves room for chance on {rows:,} test rows")


def _made(one: Measured, kept: float, why: str) -> Bar:
    trivial, baseline = f"{NAMES[one.metric]} {_round(one.trivial)}", f"a quick baseline {_round(one.baseline)}"
    if one.metric in SMALLER_IS_BETTER:
        return Bar(one.metric, "max", _lenient(one.trivial - kept, math.ceil), trivial, baseline, why)
    return Bar(one.metric, "min", _lenient(one.trivial + kept, math.floor), trivial, baseline, why)


def _lenient(value: float, rounded: Callable[[float], int]) -> float:
    """The value with three digits, rounded to the side on which the bar is easier."""
    if value == 0:
        return 0.0
    digits = DIGITS - 1 - math.floor(math.log10(abs(value)))
    return round(rounded(value * 10.0**digits) / 10.0**digits, max(digits, 0))


def _round(value: float) -> str:
    return f"{value:.{DIGITS}g}"
