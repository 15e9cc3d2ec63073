"""Reports made up by hand."""

from __future__ import annotations

from typing import Any

from components.report.bars import Bar
from components.report.curves import Calibration, Reading
from components.report.evaluation import Cell, Change, Classified, Evaluation, Row
from components.report.facts import Facts, Timing
from components.report.features import Column, Feature, Numbers, Texts
from components.report.verdicts import Verdict
from components.results import ClassMetrics

MARKUP = "<script>alert('x')</script>&\"{{ 1 }}"
FREE = Bar()
CURVE = (Reading(1.0, 0.0, 0.0), Reading(0.5, 0.75, 0.25), Reading(0.0, 1.0, 1.0))
CLASSIFIED = Classified(
    ("no", "yes"), ((30, 10), (5, 15)), CURVE, (Calibration(0.2, 0.25, 40), Calibration(0.7, 0.6, 20))
)


def row(name: str, value: float | None, examples: int = 60, bar: Bar = FREE) -> Row:
    """A slice with one metric."""
    return Row(name, examples, 0.25, (Cell(value, bar),))


def evaluation(*rows: Row, **changes: Any) -> Evaluation:
    """An evaluation of one metric, accuracy, with a bar on all rows."""
    kept = (row("all rows", 0.75, bar=Bar(least=0.7)), *rows)
    by_slice = {one.name: CLASSIFIED for one in kept}
    given: dict[str, Any] = {"metrics": ("accuracy",), "rows": kept, "threshold": 0.5, "by_slice": by_slice}
    return Evaluation(**(given | changes))


def facts(**changes: Any) -> Facts:
    """A run that went through, in which every text that comes from data or its author is markup."""
    feature = Feature(
        f"column {MARKUP}",
        {
            "train": Column("TEXT", 0.25, Texts(2, ((f"value {MARKUP}", 0.5), ("b", 0.5)))),
            "test": Column("TEXT", 0.0, Texts(1, (("b", 1.0),))),
        },
    )
    fare = Numbers(11.0, 2.0, 0.0, 9.0, 700.0, ((0.0, 350.0, 9.0), (350.0, 700.0, 1.0)))
    given: dict[str, Any] = {
        "pipeline": "taxi",
        "written": "2026-01-02 03:04:05+00:00",
        "verdicts": [Verdict("rows", passed=True, text="60 read"), Verdict("model", passed=False, text=f"no {MARKUP}")],
        "rows": {"train": 6000, "test": 60},
        "quarantined": 3,
        "version": "17",
        "pushed_to": f"/serving/{MARKUP}",
        "warnings": [f"train split, feature {MARKUP}: new value"],
        "evaluation": evaluation(
            row(f"city={MARKUP}", 0.5, 20, Bar(least=0.6)),
            row("city=Rome", None, 40),
            changes=(Change("accuracy", 0.8, 0.75, Bar(worst_change=-0.01)),),
            classes=(ClassMetrics(MARKUP, 60, {"precision": 0.5}),),
            baseline=CLASSIFIED,
        ),
        "features": [
            feature,
            Feature("fare", {"train": Column("FLOAT", 0.0, fare), "test": Column("FLOAT", 0.0, None)}),
        ],
        "timings": [Timing("Trainer", 75.0), Timing("Evaluator", 5.0)],
    }
    return Facts(**(given | changes))
