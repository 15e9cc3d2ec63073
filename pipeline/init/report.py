"""What a person sees of `penstock init`: what was decided of each column, what is doubted, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.display import TABLE_STYLE
from pipeline.init.decisions import Decision
from pipeline.init.plan import Plan
from pipeline.init.profile import shown

MOST_ROWS = 24  # columns that have a line each; where there are more, alike ones share one
DOUBTS_TOLD = 12
NAME_WIDTH = 32


def show(console: Console, plan: Plan, files: Sequence[Path], *, dry_run: bool) -> None:
    """Prints the decisions, the doubts, and the next commands."""
    label = plan.label
    looked = f"{plan.rows:,} rows" if plan.is_whole else f"the first {plan.rows:,} rows"
    counts = ", ".join(f"{split} {rows:,}" for split, rows in plan.division.counts.items())
    console.print(Text.assemble((label.problem, "bold"), f": {label.text} – {label.what}"))
    console.print(Text(f"{looked}, {len(plan.decisions)} columns; splits: {counts}", style="dim"))
    console.print(_table(plan.decisions))
    for bar in plan.bars:
        bound = f"{bar.metric} {'at least' if bar.bound == 'min' else 'at most'} {bar.value:g}"
        _say(console, "bar", bound, f"  {bar.trivial}, {bar.baseline}")
    if plan.slices:
        _say(console, "slices", ", ".join(map(shown, plan.slices)))
    for doubt in plan.doubts[:DOUBTS_TOLD]:
        _say(console, "doubt", doubt, style="bold yellow")
    if len(plan.doubts) > DOUBTS_TOLD:
        _say(console, "", f"and {len(plan.doubts) - DOUBTS_TOLD} more, in {files[0]}", style="yellow")
    if not dry_run:
        _say(console, "wrote", " and ".join(map(str, files)))
        _say(console, "next", f"penstock run {files[0]}")


def _say(console: Console, word: str, text: str, more: str = "", style: str = "bold") -> None:
    """Prints a line behind its word; what does not fit stands below the text."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=6, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(word, style=style), Text.assemble(text, (more, "dim")))
    console.print(grid)


def _table(decisions: Sequence[Decision]) -> Table:
    table = Table("column", "looks like", "role", "why", **TABLE_STYLE)
    table.columns[0].max_width = NAME_WIDTH
    for group in _groups(decisions):
        first = group[0]
        style = "" if first.roles else "bold" if first.is_label else "dim"
        looks = first.profile.looks if len(group) == 1 else str(first.profile.kind)
        table.add_row(
            _names(group), escape(looks), first.role if len(group) == 1 else _roles(first), first.why, style=style
        )
    return table


def _groups(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """The columns that share a line: alike ones that stand side by side, where there are many columns."""
    if len(decisions) <= MOST_ROWS:
        return [[decision] for decision in decisions]
    ordered = sorted(decisions, key=lambda one: (not one.is_label, not one.roles, _likeness(one)))
    return [list(group) for _, group in groupby(ordered, key=_likeness)]


def _likeness(decision: Decision) -> tuple[str, ...]:
    return str(decision.is_label), str(decision.profile.kind), _roles(decision), decision.why


def _roles(decision: Decision) -> str:
    names = ", ".join(str(role["role"]) for role in decision.roles)
    return names or decision.role


def _names(group: Sequence[Decision]) -> str:
    names = [escape(shown(decision.name)) for decision in group]
    if len(names) == 1:
        return names[0]
    return f"{len(names)} columns: {names[0]} … {names[-1]}"


def decisions_as_json(plan: Plan) -> dict[str, Any]:
    """Returns what was decided, for a program."""
    return {
        "name": plan.name,
        "problem": plan.label.problem,
        "label": plan.label.text,
        "rows": plan.rows,
        "splits": plan.division.counts,
        "columns": [_column_as_json(decision) for decision in plan.decisions],
        "slices": plan.slices,
        "bars": {bar.metric: {bar.bound: bar.value, "why": bar.why} for bar in plan.bars},
        "doubts": list(plan.doubts),
    }


def _column_as_json(decision: Decision) -> dict[str, Any]:
    return {
        "column": decision.name,
        "type": decision.profile.type,
        "kind": str(decision.profile.kind),
        "looks": decision.profile.looks,
        "roles": list(decision.roles),
        "why": decision.why,
    }
