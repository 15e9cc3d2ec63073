"""All that a report says, gathered from the artifacts that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from components.report.evaluation import Evaluation, evaluation_of
from components.report.features import Feature, features_of
from components.report.parts import Part, Parts, timings
from components.report.verdicts import Verdict, verdicts_of, warnings_of
from components.results import classes_of


@dataclass(frozen=True)
class Timing:
    """How long a step took; `state` says how it ended where that is known."""

    step: str
    seconds: float
    state: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known of a run; what it did not come to is empty."""

    pipeline: str
    written: str
    run_id: str = ""
    error: str = ""
    verdicts: Sequence[Verdict] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    quarantined: int = 0
    version: str = ""
    pushed_to: str = ""
    warnings: Sequence[str] = ()
    evaluation: Evaluation | None = None
    features: Sequence[Feature] = ()
    timings: Sequence[Timing] = ()


def facts_of(pipeline: str, parts: Parts, *, run_id: str = "", error: str = "", steps: Sequence[Timing] = ()) -> Facts:
    """Returns what the artifacts say; the seconds of steps are the artifacts' own where `steps` gives none."""
    examples, pushed = parts.get("examples", Part("")), parts.get("pushed_model", Part(""))
    is_pushed = bool(pushed.number("pushed"))
    graph = parts.get("transform_graph")
    return Facts(
        pipeline=pipeline,
        written=datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        run_id=run_id,
        error=error,
        verdicts=verdicts_of(parts),
        rows=examples.counts("rows"),
        quarantined=examples.number("quarantined"),
        version=pushed.text("pushed_version") if is_pushed else "",
        pushed_to=pushed.text("pushed_destination") if is_pushed else "",
        warnings=warnings_of(parts["gate_report"]) if "gate_report" in parts else (),
        evaluation=evaluation_of(parts["evaluation"].uri, classes_of(graph.uri) if graph else ())
        if "evaluation" in parts
        else None,
        features=features_of(parts["statistics"].uri) if "statistics" in parts else (),
        timings=steps or [Timing(step, seconds) for step, seconds in timings(parts).items()],
    )
