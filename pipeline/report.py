"""Where the report of a run is: the Report step's, or, where a run did not come to it, one of what there is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from components.report.facts import Timing, facts_of
from components.report.page import FILE, render
from components.report.parts import Part
from pipeline.summary import Summary
from pipeline.workdir import Workdir


def publish_report(summary: Summary, parts: Mapping[str, Part], workdir: Workdir, error: Exception | None) -> Summary:
    """Copies a run's report to `workdir.report`, and returns the summary with the report's file.

    A run that a gate stopped, or that failed, has its report beside its logs; it says why the run stopped.
    """
    made = Path(summary.report) if summary.report else _write(summary, parts, workdir, error)
    if made.exists():
        aside = workdir.report.with_suffix(".new")
        shutil.copyfile(made, aside)
        aside.replace(workdir.report)
    return replace(summary, report=str(made))


def with_report(summary: Summary, workdir: Workdir) -> Summary:
    """Returns the summary of an earlier run with its report's file, where that is still there."""
    found = Path(summary.report) if summary.report else _beside_logs(summary, workdir)
    return replace(summary, report=str(found) if found.exists() else "")


def _write(summary: Summary, parts: Mapping[str, Part], workdir: Workdir, error: Exception | None) -> Path:
    steps = [Timing(step.name, step.seconds, str(step.state)) for step in summary.steps]
    facts = facts_of(summary.pipeline, parts, run_id=summary.run_id, error=str(error) if error else "", steps=steps)
    file = _beside_logs(summary, workdir)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(facts), encoding="utf-8")
    return file


def _beside_logs(summary: Summary, workdir: Workdir) -> Path:
    return workdir.logs / summary.run_id / FILE
