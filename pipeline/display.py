"""What a person sees of a run: steps as they go, and at the end metrics by slice, verdicts, and what to type next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, groupby
from typing import Any, Self, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from components.results import ClassMetrics, SliceMetrics
from pipeline.steps import State, StepStatus
from pipeline.summary import Summary

MARKS = {
    State.WAITING: ("·", "dim"),
    State.RUNNING: ("▶", "cyan"),
    State.DONE: ("✓", "green"),
    State.CACHED: ("=", "blue"),
    State.SKIPPED: ("–", "dim"),
    State.FAILED: ("✗", "red"),
    State.INTERRUPTED: ("■", "yellow"),
}
SLICES_SHOWN = 6
CLASSES_SHOWN = 12
SLICE_WIDTH = 34
COLUMN_GAP = 3
SCIENTIFIC_BELOW = 1e-3
TABLE_STYLE: dict[str, Any] = {"box": SIMPLE_HEAD, "title_justify": "left", "title_style": "bold", "padding": (0, 1)}
WIDTH_OF_A_FILE = 120


def console_for(stream: TextIO) -> Console:
    """Returns the console of a stream: as wide as the terminal, or wide enough for a table where it is none."""
    return Console(file=stream, width=None if stream.isatty() else WIDTH_OF_A_FILE)


class LiveSteps:
    """All steps, redrawn in place: for a terminal.

    It draws from the caller's thread only, so that no drawing thread holds a lock when a step's process is forked.
    """

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._live.stop()

    def announce(self, text: str) -> None:
        """Says what is happening before the first step."""
        self._live.update(Text(text, style="dim"), refresh=True)

    def changed(self, status: StepStatus, statuses: Sequence[StepStatus]) -> None:
        """Redraws."""
        del status
        self.tick(statuses)

    def tick(self, statuses: Sequence[StepStatus]) -> None:
        """Redraws."""
        self._live.update(steps_table(statuses), refresh=True)


class PlainSteps:
    """One line each time that a step changes its state: for a file or a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: dict[str, State] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        """Nothing to tidy."""

    def announce(self, text: str) -> None:
        """Prints it."""
        self._console.print(text, markup=False)

    def changed(self, status: StepStatus, statuses: Sequence[StepStatus]) -> None:
        """Prints the step, its state, its seconds and its note; nothing where only the note is new."""
        del statuses
        if self._printed.get(status.name) is status.state:
            return
        self._printed[status.name] = status.state
        seconds = f" {status.seconds:.1f} s" if status.state is not State.RUNNING else ""
        self._console.print(
            f"{status.name}: {status.state}{seconds} {status.note}".rstrip(), markup=False, soft_wrap=True
        )

    def tick(self, statuses: Sequence[StepStatus]) -> None:
        """Prints nothing."""


def steps_watcher(console: Console) -> LiveSteps | PlainSteps:
    """Returns what shows the steps: in place on a terminal, else line by line."""
    return LiveSteps(console) if console.is_terminal else PlainSteps(console)


def steps_table(statuses: Sequence[StepStatus]) -> Table:
    """Returns the steps as a table."""
    table = Table.grid(padding=(0, 2))
    for status in statuses:
        mark, style = MARKS[status.state]
        seconds = f"{status.seconds:.1f} s" if status.state is not State.WAITING else ""
        note = Text(status.note, style="dim", overflow="ellipsis", no_wrap=True)
        table.add_row(Text(mark, style=style), status.name, Text(status.state, style=style), seconds, note)
    return table


def show_summary(console: Console, summary: Summary, config_files: str, *, every_slice: bool = False) -> None:
    """Prints the metrics by slice, the warnings, the verdict of each gate, the push, and the next command."""
    if summary.metrics:
        console.print()
        console.print(metrics_table(summary.metrics, console.width, every_slice=every_slice))
    if summary.metrics and summary.metrics[0].classes:
        console.print(classes_table(summary.metrics[0].classes, every_class=every_slice))
    console.print(Group(*_closing_lines(summary, config_files)))


def metrics_table(metrics: Sequence[SliceMetrics], width: int, *, every_slice: bool) -> RenderableType:
    """Returns the metrics by slice: of each feature the largest slices or every one, and as many metrics as fit."""
    slice_width = min(SLICE_WIDTH, max(len(one.name) for one in metrics))
    has_mean = metrics[0].mean_label is not None
    means = ("mean label",) if has_mean else ()
    names = _fitting(list(metrics[0].metrics), ("1,500,200", *means), width - slice_width)
    table = Table("slice", "rows", *means, *names, title="The test split, by slice", **TABLE_STYLE)
    _align_right(table)
    table.columns[0].no_wrap, table.columns[0].max_width = True, slice_width
    left_out = 0
    for _, group in groupby(metrics, key=lambda one: tuple(one.slice)):
        slices = list(group)
        shown = slices if every_slice else slices[:SLICES_SHOWN]
        left_out += len(slices) - len(shown)
        for one in shown:
            values = [one.mean_label] * has_mean + [one.metrics.get(name) for name in names]
            table.add_row(escape(one.name), f"{one.examples:,}", *map(_number, values))
        table.add_section()
    hidden = [name for name in metrics[0].metrics if name not in names]
    notes = [f"{left_out} smaller slices are left out; penstock runs show has them all"] if left_out else []
    notes += [f"no room for {', '.join(hidden)}; penstock runs show --json has them"] if hidden else []
    return Group(table, *(Text(note, style="dim") for note in notes))


def classes_table(classes: Sequence[ClassMetrics], *, every_class: bool) -> RenderableType:
    """Returns the metrics of each class over the whole test split: of the most frequent classes, or of every one."""
    shown = classes if every_class else classes[:CLASSES_SHOWN]
    names = list(dict.fromkeys(name for one in classes for name in one.metrics))
    table = Table("class", "rows", *names, title="The test split, by class", **TABLE_STYLE)
    _align_right(table)
    for one in shown:
        table.add_row(escape(one.name), f"{one.examples:,}", *(_number(one.metrics.get(name)) for name in names))
    left_out = len(classes) - len(shown)
    note = f"{left_out} rarer classes are left out; penstock runs show has them all"
    return Group(table, Text(note, style="dim")) if left_out else table


def _align_right(table: Table) -> None:
    """Aligns all columns but the first as numbers are."""
    for column in table.columns[1:]:
        column.justify = "right"


def _fitting(names: list[str], others: Sequence[str], width: int) -> list[str]:
    """The first metrics for which there is room beside other columns."""
    room = width - sum(len(other) + COLUMN_GAP for other in others) - COLUMN_GAP
    widths = accumulate(max(len(name), len("0.0000")) + COLUMN_GAP for name in names)
    return [name for name, needed in zip(names, widths, strict=True) if needed <= room]


def _closing_lines(summary: Summary, config_files: str) -> list[Text]:
    lines = [Text(f"warning  {warning}", style="yellow") for warning in summary.warnings]
    lines += [
        Text.assemble((f"{verdict.gate:<6}", "bold"), " ", (verdict.text, "green" if verdict.passed else "red"))
        for verdict in summary.verdicts
    ]
    if summary.report:
        lines.append(Text.assemble((f"{'report':<6}", "bold"), f" {summary.report}"))
    if summary.is_pushed:
        lines.append(Text.assemble((f"{'pushed':<6}", "bold"), f" version {summary.version} to {summary.pushed_to}"))
        lines.append(
            Text.assemble((f"{'next':<6}", "bold"), f" penstock predict {config_files} --input ROWS.csv --via local")
        )
    return lines


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.1e}" if 0 < abs(value) < SCIENTIFIC_BELOW else f"{value:.4f}"
