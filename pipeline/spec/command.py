"""`penstock run --spec`: what a person sees of a run of a compiled spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pipeline.chatter import Screen
from pipeline.display import console_for, steps_table, steps_watcher
from pipeline.spec.loading import load
from pipeline.spec.run import Options
from pipeline.spec.run import run as run_the_spec
from pipeline.spec.summary import SpecSummary
from pipeline.workdir import workdir_of


def run_spec(
    screen: Screen, file: Path, parameters: tuple[str, ...], workdir: Path | None, *, no_cache: bool, as_json: bool
) -> int:
    """Runs a compiled spec and shows what it came to.

    Returns:
      The exit code: 0, where every step succeeded and a Pusher, if there is one, pushed.

    Raises:
      UsageError: the spec or a parameter is wrong.
      GateRefusal: a step ended with exit code 3, or the Pusher pushed nothing.
      PenstockError: a step failed, or the run was stopped.
    """
    spec = load(file)
    console = console_for(screen.err if as_json else screen.out)
    place = workdir_of(spec.name, workdir)
    with steps_watcher(console) as watcher:
        result = run_the_spec(spec, place, Options(parameters, not no_cache), watcher, screen.divert)
    _show(console, result.summary)
    if as_json:
        shown: dict[str, Any] = result.summary.as_json() | {"error": str(result.error) if result.error else None}
        screen.out.write(f"{json.dumps(shown, ensure_ascii=False)}\n")
        screen.out.flush()
    if result.error:
        raise result.error
    return 0


def _show(console: Console, summary: SpecSummary) -> None:
    if not console.is_terminal:  # there the steps are on the screen as they are
        console.print()
        console.print(steps_table(summary.steps))
    lines = [("note", notice) for notice in summary.notices]
    lines += [("run", summary.run_id), ("files", summary.objects)]
    if summary.pushed:
        lines.append(("pushed", f"version {summary.version} to {summary.pushed_to}"))
    for title, text in lines:
        console.print(Text.assemble((f"{title:<6}", "bold"), f" {text}"), soft_wrap=True)
