"""What a finished step made, in a few words: one function for each type of artifact that has something to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from components.report.parts import part_of
from components.report.verdicts import warnings_of
from pipeline.lineage import int_property, rows_of, spans_of, text_property


def note_of(artifacts: Iterable[Any]) -> str:
    """Returns a short note on the output artifacts (MLMD protos) of a step."""
    said = [NOTES[artifact.type](artifact) for artifact in artifacts if artifact.type in NOTES]
    return ", ".join(filter(None, said))


def _rows(examples: Any) -> str:
    rows = rows_of(examples)
    splits = ", ".join(f"{split} {count:,}" for split, count in rows.items())
    quarantined = int_property(examples, "quarantined")
    said = [f"{sum(rows.values()):,} rows: {splits}"] if rows else []
    said += [f"{quarantined:,} in quarantine"] if quarantined else []
    return "; ".join([*said, *_spans(spans_of(examples))])


def _spans(spans: dict[str, int]) -> list[str]:
    first, *rest = spans or [""]
    return [f"spans {first} to {rest[-1]}" if rest else f"span {first}"] if spans else []


def _gate(report: Any) -> str:
    warnings = warnings_of(part_of(report))
    return f"{len(warnings)} warning{'s' * (len(warnings) > 1)}" if warnings else "no anomaly"


def _blessing(blessing: Any) -> str:
    return "blessed" if int_property(blessing, "blessed") else "not blessed"


def _baseline(model: Any) -> str:
    if "is_baseline" not in model.custom_properties:
        return ""  # the Trainer's
    return "the latest blessed model" if int_property(model, "is_baseline") else "no model was blessed before"


def _push(pushed: Any) -> str:
    if not int_property(pushed, "pushed"):
        return "held back"
    said = "pushed" if int_property(pushed, "is_new") else "already pushed"
    return f"{said} as version {text_property(pushed, 'pushed_version')}"


NOTES: dict[str, Callable[[Any], str]] = {
    "Examples": _rows,
    "penstock.GateReport": _gate,
    "ModelBlessing": _blessing,
    "InfraBlessing": _blessing,
    "Model": _baseline,
    "PushedModel": _push,
}
