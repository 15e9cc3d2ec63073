"""What a finished step made, in a few words: one function for each type of artifact that has something to say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.example_gen import ROWS_PROPERTY


def note_of(outputs: Mapping[str, Sequence[Any]]) -> str:
    """Returns a short note on the output artifacts of a step."""
    artifacts = [artifact for named in outputs.values() for artifact in named]
    said = [NOTES[artifact.type_name](artifact) for artifact in artifacts if artifact.type_name in NOTES]
    return ", ".join(filter(None, said))


def rows_of(examples: Any) -> dict[str, int]:
    """Returns the number of rows of each split, where ExampleGen said so."""
    said = examples.get_string_custom_property(ROWS_PROPERTY)
    rows: dict[str, int] = json.loads(said) if said else {}
    return rows


def _rows(examples: Any) -> str:
    rows = rows_of(examples)
    splits = ", ".join(f"{split} {count:,}" for split, count in rows.items())
    return f"{sum(rows.values()):,} rows: {splits}" if rows else ""


def _gate(report: Any) -> str:
    warnings = json.loads(Path(report.uri, "warnings.json").read_text())
    return f"{len(warnings)} warnings" if warnings else "no anomaly"


def _blessing(blessing: Any) -> str:
    return "blessed" if blessing.get_int_custom_property("blessed") else "not blessed"


def _push(pushed: Any) -> str:
    if not pushed.get_int_custom_property("pushed"):
        return "held back"
    said = "pushed" if pushed.get_int_custom_property("is_new") else "already pushed"
    return f"{said} as version {pushed.get_string_custom_property('pushed_version')}"


NOTES: dict[str, Callable[[Any], str]] = {
    "Examples": _rows,
    "components.artifacts.GateReport": _gate,
    "ModelBlessing": _blessing,
    "InfraBlessing": _blessing,
    "PushedModel": _push,
}
