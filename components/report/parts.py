"""The artifacts that a report is made of, whoever holds them: TFX in a step, MLMD after a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON_VALUE = "__value__"  # under which TFX keeps a JSON value that is no object, in an MLMD struct
MADE_BY = {
    "examples": ("ExampleGen", "examples"),
    "statistics": ("StatisticsGen", "statistics"),
    "anomalies": ("ExampleValidator", "anomalies"),
    "gate_report": ("DataGate", "report"),
    "transform_graph": ("Transform", "transform_graph"),
    "model": ("Trainer", "model"),
    "evaluation": ("Evaluator", "evaluation"),
    "blessing": ("Evaluator", "blessing"),
    "infra_blessing": ("InfraValidator", "blessing"),
    "pushed_model": ("Pusher", "pushed_model"),
}


@dataclass(frozen=True)
class Part:
    """An artifact: its folder, and its custom properties as plain values."""

    uri: str
    properties: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Returns a property that is a text; "" where it has none."""
        return str(self.properties.get(name, ""))

    def number(self, name: str) -> int:
        """Returns a property that is a whole number; 0 where it has none."""
        return int(self.properties.get(name, 0))

    def counts(self, name: str) -> dict[str, int]:
        """Returns a property that is a JSON text of counts by name; none where it has none."""
        counts: dict[str, int] = json.loads(self.text(name) or "{}")
        return counts

    @property
    def seconds(self) -> float | None:
        """How long the step took that made it, where whoever ran the step said so."""
        return float(self.properties["seconds"]) if "seconds" in self.properties else None


Parts = Mapping[str, Part]


def part_of(artifact: Any) -> Part:
    """Returns an artifact, an MLMD proto, as a part."""
    return Part(str(artifact.uri), {name: _plain(value) for name, value in artifact.custom_properties.items()})


def parts_of_steps(outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Part]:
    """Returns the parts among the outputs (MLMD protos by key) of steps, those that are there."""
    return {name: part_of(outputs[step][key]) for name, (step, key) in MADE_BY.items() if key in outputs.get(step, {})}


def timings(parts: Parts) -> dict[str, float]:
    """Returns the seconds of each step that made one of the parts, in the DAG's order."""
    return {
        step: seconds
        for name, (step, _) in MADE_BY.items()
        if name in parts and (seconds := parts[name].seconds) is not None
    }


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind != "struct_value":
        return getattr(value, kind) if kind else ""
    from google.protobuf import json_format

    fields = json_format.MessageToDict(value.struct_value)
    return fields.get(JSON_VALUE, fields)
