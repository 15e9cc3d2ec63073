"""What a run came to: its steps, its metrics, the verdict of each gate, what was pushed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from pipeline.config import Config
from pipeline.lineage import Lineage, RunRecord, int_property, rows_of, spans_of, text_property
from pipeline.notes import note_of, warnings_of
from pipeline.results import SliceMetrics, classes_of, metrics_by_slice, missed_bars
from pipeline.steps import FINISHED, State, StepStatus


@dataclass(frozen=True)
class Verdict:
    """What a gate said."""

    gate: str
    passed: bool
    text: str


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

    @property
    def is_pushed(self) -> bool:
        """Whether the model is where a server finds it."""
        return bool(self.version)

    def as_json(self) -> dict[str, Any]:
        """Returns it as JSON-like values with stable names."""
        return asdict(self) | {"pushed": self.is_pushed}


def summarize(lineage: Lineage, record: RunRecord, config: Config) -> Summary:
    """Returns the summary of a run, read from its artifacts."""
    outputs = {
        step.name: lineage.outputs(step.execution_id) for step in record.steps.values() if step.state in FINISHED
    }
    examples = outputs.get("ExampleGen", {}).get("examples")
    evaluation = outputs.get("Evaluator", {}).get("evaluation")
    report = outputs.get("DataGate", {}).get("report")
    pushed = outputs.get("Pusher", {}).get("pushed_model")
    is_pushed = pushed is not None and int_property(pushed, "pushed")
    graph = outputs.get("Transform", {}).get("transform_graph")
    classes = classes_of(graph.uri) if graph is not None else []
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
        rows=rows_of(examples) if examples is not None else {},
        quarantined=int_property(examples, "quarantined") if examples is not None else 0,
        quarantine=text_property(examples, "quarantine") if examples is not None else "",
        spans=spans_of(examples) if examples is not None else {},
        metrics=metrics_by_slice(evaluation.uri, config.metrics, classes) if evaluation is not None else [],
        verdicts=_verdicts(outputs),
        warnings=warnings_of(report) if report is not None else [],
        version=text_property(pushed, "pushed_version") if is_pushed else "",
        pushed_to=text_property(pushed, "pushed_destination") if is_pushed else "",
    )


def _verdicts(outputs: dict[str, dict[str, Any]]) -> list[Verdict]:
    """The verdicts of the gates that came to one; a gate that stopped the run says why in its error."""
    verdicts = []
    examples = outputs.get("ExampleGen", {}).get("examples")
    if examples is not None and rows_of(examples):
        verdicts.append(Verdict("rows", passed=True, text=_account(examples)))
    if "DataGate" in outputs:
        warnings = warnings_of(outputs["DataGate"]["report"])
        text = f"{len(warnings)} anomalies let pass" if warnings else "the data fits its schema"
        verdicts.append(Verdict("data", passed=True, text=text))
    if "Evaluator" in outputs:
        blessed = bool(int_property(outputs["Evaluator"]["blessing"], "blessed"))
        missed = [] if blessed else missed_bars(outputs["Evaluator"]["evaluation"].uri)
        text = (
            "blessed: it clears every bar" if blessed else f"not blessed: {'; '.join(missed) or 'no bar is configured'}"
        )
        verdicts.append(Verdict("model", blessed, text))
    if "InfraValidator" in outputs:
        text = "blessed: a model server loads it, and answers over REST and gRPC as it does in process"
        verdicts.append(Verdict("infra", passed=True, text=text))
    return verdicts


def _account(examples: Any) -> str:
    """Where the rows went: ExampleGen held rows read against rows written."""
    rows, quarantined = rows_of(examples), int_property(examples, "quarantined")
    where = f" ({text_property(examples, 'quarantine')})" if quarantined else ""
    written = " + ".join(f"{count:,} {split}" for split, count in rows.items())
    return f"{sum(rows.values()) + quarantined:,} read = {written} + {quarantined:,} in quarantine{where}"
