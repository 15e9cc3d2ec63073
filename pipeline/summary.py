"""What a run came to: its steps, its metrics, the verdict of each gate, what was pushed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from components.report.page import FILE
from components.report.parts import Part, parts_of_steps
from components.report.verdicts import Verdict, verdicts_of, warnings_of
from components.results import SliceMetrics, classes_of, metrics_by_slice
from pipeline.config import Config
from pipeline.lineage import Lineage, RunRecord
from pipeline.notes import note_of
from pipeline.steps import FINISHED, State, StepStatus
from schema.errors import ModelNotBlessed


@dataclass(frozen=True)
class Summary:
    """One run."""

    pipeline: str
    run_id: str
    state: State
    began: str
    steps: list[StepStatus]
    rows: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    quarantine: str = ""
    spans: dict[str, int] = field(default_factory=dict)
    metrics: list[SliceMetrics] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    version: str = ""
    pushed_to: str = ""
    report: str = ""

    @property
    def is_pushed(self) -> bool:
        """Whether the model is where a server finds it."""
        return bool(self.version)

    @property
    def refusal(self) -> ModelNotBlessed | None:
        """Why nothing was pushed, where nothing was."""
        if self.is_pushed:
            return None
        reasons = "; ".join(verdict.text for verdict in self.verdicts if not verdict.passed)
        return ModelNotBlessed(f"Nothing was pushed. The model is {reasons}.")

    def as_json(self) -> dict[str, Any]:
        """Returns it as JSON-like values with stable names."""
        return asdict(self) | {"pushed": self.is_pushed}


def summarize(lineage: Lineage, record: RunRecord, config: Config) -> Summary:
    """Returns the summary of a run, read from its artifacts."""
    outputs = outputs_of(lineage, record)
    parts = parts_of_steps(outputs)
    examples = parts.get("examples", Part(""))
    pushed = parts.get("pushed_model", Part(""))
    graph = parts.get("transform_graph")
    classes = classes_of(graph.uri) if graph else []
    return Summary(
        pipeline=config.name,
        run_id=record.run_id,
        state=record.state,
        began=datetime.fromtimestamp(record.began / 1000).astimezone().isoformat(timespec="seconds"),
        steps=[
            StepStatus(
                step.name,
                step.state,
                (step.ended - step.began) / 1000,
                note_of(outputs.get(step.name, {}).values()),
            )
            for step in record.steps.values()
        ],
        rows=examples.counts("rows"),
        quarantined=examples.number("quarantined"),
        quarantine=examples.text("quarantine"),
        spans=examples.counts("spans"),
        metrics=metrics_by_slice(parts["evaluation"].uri, config.metrics, classes) if "evaluation" in parts else [],
        verdicts=verdicts_of(parts),
        warnings=warnings_of(parts["gate_report"]) if "gate_report" in parts else [],
        version=pushed.text("pushed_version") if pushed.number("pushed") else "",
        pushed_to=pushed.text("pushed_destination") if pushed.number("pushed") else "",
        report=_report_of(outputs),
    )


def outputs_of(lineage: Lineage, record: RunRecord) -> dict[str, dict[str, Any]]:
    """Returns the output artifacts (MLMD protos) of the steps of a run that are done, by step and key."""
    ids = {step.name: step.execution_id for step in record.steps.values() if step.state in FINISHED}
    outputs = lineage.outputs_by_execution(list(ids.values()))
    return {name: outputs[execution_id] for name, execution_id in ids.items()}


def _report_of(outputs: dict[str, dict[str, Any]]) -> str:
    """The file of the run's report; "" where the run did not come to it."""
    html = outputs.get("Report", {}).get("html")
    return str(Path(html.uri, FILE)) if html is not None else ""
