"""A report as one HTML file that needs no other: no script, style, font or picture from the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.report import svg
from components.report.evaluation import Evaluation, Row
from components.report.facts import Facts

FOLDER = Path(__file__).parent
PAGE = "page.html.j2"
FILE = "report.html"  # of a report, in its folder
MOST_SLICES, MOST_FEATURES, MOST_CLASSES, MOST_WARNINGS = 300, 200, 50, 200
SCIENTIFIC_BELOW, SCIENTIFIC_FROM = 1e-3, 1e7


def render(facts: Facts) -> str:
    """Returns the report; whatever came from data is escaped.

    Of very many slices, columns, classes or warnings some are shown, and the page says how many are left out.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "duration": duration}
    environment.globals |= {"svg": svg}
    evaluation = facts.evaluation
    return environment.get_template(PAGE).render(
        facts=facts,
        evaluation=evaluation,
        slices=_shown_slices(evaluation) if evaluation else [],
        features=facts.features[:MOST_FEATURES],
        classes=evaluation.classes[:MOST_CLASSES] if evaluation else (),
        warnings=facts.warnings[:MOST_WARNINGS],
        scales=_scales(evaluation) if evaluation else [],
        longest=max((one.seconds for one in facts.timings), default=0.0),
        splits=list(dict.fromkeys(split for feature in facts.features for split in feature.splits)),
    )


def number(value: float | None) -> str:
    """Returns a number in a few digits; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if float(value).is_integer() and abs(value) < SCIENTIFIC_FROM:
        return f"{value:,.0f}"
    if not SCIENTIFIC_BELOW <= abs(value) < SCIENTIFIC_FROM:
        return f"{value:.2e}"
    return f"{value:,.{4 if abs(value) < 10 else 2}f}"  # noqa: PLR2004  # one digit before the point


def percent(share: float) -> str:
    """Returns a share of the rows; a little is never none."""
    return "0" if not share else "< 0.1 %" if share < 0.001 else f"{share:.1%}".replace("%", " %")  # noqa: PLR2004


def duration(seconds: float) -> str:
    """Returns seconds as a person says them."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min {rest:.0f} s" if minutes else f"{rest:.1f} s"


def _shown_slices(evaluation: Evaluation) -> Sequence[Row]:
    """All, or where they are too many those that missed a bar and the largest, in the table's order."""
    by_need = sorted(evaluation.rows, key=lambda row: (not row.is_missed, -row.examples))
    kept = set(map(id, by_need[:MOST_SLICES]))
    return [row for row in evaluation.rows if id(row) in kept]


def _scales(evaluation: Evaluation) -> list[float]:
    """The end of each metric's axis, which begins at 0: 1, or the greatest value or bound where that is greater."""
    return [max([1.0, *filter(math.isfinite, _values(evaluation, place))]) for place in range(len(evaluation.metrics))]


def _values(evaluation: Evaluation, place: int) -> list[float]:
    cells = [row.cells[place] for row in evaluation.rows]
    values: list[Any] = [value for cell in cells for value in (cell.value, cell.bar.least, cell.bar.most)]
    return [value for value in values if value is not None]
