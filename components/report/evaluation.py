"""What the Evaluator measured, as a report shows it: by slice with the bars, against the baseline, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.metric_sums import Array
from components.report.bars import Bar, Bars
from components.report.curves import Calibration, Reading, calibration, confusion_at, roc
from components.results import (
    ALL_ROWS,
    BASELINE,
    CANDIDATE,
    ClassMetrics,
    SliceMetrics,
    arrays_by_slice,
    eval_config_of,
    metrics_by_slice,
)

NO_AND_YES = ("no", "yes")


@dataclass(frozen=True)
class Cell:
    """A metric on a slice, and the bar that it must clear there."""

    value: float | None
    bar: Bar

    @property
    def is_missed(self) -> bool:
        """Whether the bar was missed."""
        return self.bar.is_missed_by(self.value)


@dataclass(frozen=True)
class Row:
    """A slice, and its metrics in the order of the table."""

    name: str
    examples: int
    mean_label: float | None
    cells: tuple[Cell, ...]

    @property
    def is_missed(self) -> bool:
        """Whether some bar was missed."""
        return any(cell.is_missed for cell in self.cells)


@dataclass(frozen=True)
class Change:
    """A metric on all rows, of the latest blessed model and of this one."""

    metric: str
    before: float
    now: float
    bar: Bar

    @property
    def by(self) -> float:
        """How much it grew."""
        return self.now - self.before

    @property
    def is_missed(self) -> bool:
        """Whether it is worse by more than it may be."""
        return self.bar.is_missed_by_change(self.by)


@dataclass(frozen=True)
class Classified:
    """How rows were classified: by true and predicted class, and the ROC curve; empty where there is none."""

    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[float, ...], ...] = ()
    curve: tuple[Reading, ...] = ()
    calibration: tuple[Calibration, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """All that is shown of an evaluation; `by_slice` holds the classification of each slice, all rows first."""

    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    threshold: float | None = None
    changes: tuple[Change, ...] = ()
    classes: tuple[ClassMetrics, ...] = ()
    by_slice: Mapping[str, Classified] = field(default_factory=dict)
    baseline: Classified = Classified()

    @property
    def overall(self) -> Classified:
        """How all rows were classified."""
        return self.by_slice.get(ALL_ROWS, Classified())


def evaluation_of(folder: str, classes: Sequence[str] = ()) -> Evaluation:
    """Returns what an Evaluator's output folder holds; `classes` names those of a multi-class problem, by index."""
    bars = Bars(eval_config_of(folder))
    measured = metrics_by_slice(folder, bars.metrics, classes)
    before = metrics_by_slice(folder, bars.metrics, classes, BASELINE)
    names = tuple(name for name in bars.metrics if any(name in one.metrics for one in measured))
    by_slice = _classified_by_slice(folder, bars.threshold, classes, CANDIDATE)
    return Evaluation(
        metrics=names,
        rows=tuple(_row(one, names, bars) for one in measured),
        threshold=bars.threshold,
        changes=tuple(_changes(before[0], measured[0], bars)) if before and measured else (),
        classes=measured[0].classes if measured else (),
        by_slice={one.name: by_slice[one.name] for one in measured if one.name in by_slice},
        baseline=_classified_by_slice(folder, bars.threshold, classes, BASELINE).get(ALL_ROWS, Classified()),
    )


def _row(one: SliceMetrics, names: Sequence[str], bars: Bars) -> Row:
    cells = tuple(Cell(one.metrics.get(name), bars.of(name, one.slice)) for name in names)
    return Row(one.name, one.examples, one.mean_label, cells)


def _changes(before: SliceMetrics, now: SliceMetrics, bars: Bars) -> list[Change]:
    both = [name for name in now.metrics if name in before.metrics]
    return [Change(name, before.metrics[name], now.metrics[name], bars.of(name, now.slice)) for name in both]


def _classified_by_slice(
    folder: str, threshold: float | None, classes: Sequence[str], models: Sequence[str]
) -> dict[str, Classified]:
    counts = arrays_by_slice(folder, "by_threshold", models)
    matrices = arrays_by_slice(folder, "confusion", models)
    return {name: _classified(array, matrices.get(name), threshold, classes) for name, array in counts.items()}


def _classified(counts: Array, matrix: Array | None, threshold: float | None, classes: Sequence[str]) -> Classified:
    rows = matrix.tolist() if matrix is not None else confusion_at(counts, 0.5 if threshold is None else threshold)
    names = tuple(classes)[: len(rows)] if matrix is not None else NO_AND_YES
    names += tuple(map(str, range(len(names), len(rows))))
    return Classified(names, tuple(map(tuple, rows)), tuple(roc(counts)), tuple(calibration(counts)))
