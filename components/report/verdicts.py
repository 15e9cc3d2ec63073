"""What each gate of a run said; a gate that stopped the run says why in its error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.report.parts import Part, Parts
from components.results import missed_bars


@dataclass(frozen=True)
class Verdict:
    """What a gate said."""

    gate: str
    passed: bool
    text: str


def verdicts_of(parts: Parts) -> list[Verdict]:
    """Returns the verdicts of the gates that came to one, in the order in which they stand in the DAG."""
    return [verdict for of_gate in GATES for verdict in of_gate(parts)]


def warnings_of(report: Part) -> list[str]:
    """Returns the anomalies that the DataGate let pass, as sentences."""
    warnings: list[str] = json.loads(Path(report.uri, "warnings.json").read_text())
    return warnings


def _rows(parts: Parts) -> Iterator[Verdict]:
    if "examples" in parts and parts["examples"].counts("rows"):
        yield Verdict("rows", passed=True, text=_account(parts["examples"]))


def _account(examples: Part) -> str:
    """Where the rows went: ExampleGen held rows read against rows written."""
    rows, quarantined = examples.counts("rows"), examples.number("quarantined")
    where = f" ({examples.text('quarantine')})" if quarantined else ""
    written = " + ".join(f"{count:,} {split}" for split, count in rows.items())
    return f"{sum(rows.values()) + quarantined:,} read = {written} + {quarantined:,} in quarantine{where}"


def _data(parts: Parts) -> Iterator[Verdict]:
    if "gate_report" in parts:
        warnings = warnings_of(parts["gate_report"])
        text = f"{len(warnings)} anomalies let pass" if warnings else "the data fits its schema"
        yield Verdict("data", passed=True, text=text)


def _model(parts: Parts) -> Iterator[Verdict]:
    if "blessing" in parts and parts["blessing"].number("blessed"):
        yield Verdict("model", passed=True, text="blessed: it clears every bar")
    elif "blessing" in parts:
        missed = "; ".join(missed_bars(parts["evaluation"].uri)) or "no bar is configured"
        yield Verdict("model", passed=False, text=f"not blessed: {missed}")


def _infra(parts: Parts) -> Iterator[Verdict]:
    if "infra_blessing" in parts:
        text = "blessed: a model server loads it, and answers over REST and gRPC as it does in process"
        yield Verdict("infra", passed=True, text=text)


GATES: tuple[Callable[[Parts], Iterator[Verdict]], ...] = (_rows, _data, _model, _infra)
