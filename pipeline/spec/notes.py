"""What a finished step made, in a few words, from the metadata of its artifacts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.spec.queries import title_of
from pipeline.spec.store import Artifact


def note_of(artifacts: Iterable[Artifact]) -> str:
    """Returns a short note on the output artifacts of a step."""
    said = [NOTES[title](one.metadata) for one in artifacts if (title := title_of(one)) in NOTES]
    return ", ".join(filter(None, said))


def _rows(metadata: Mapping[str, Any]) -> str:
    try:
        rows = json.loads(str(metadata.get("rows") or "{}"))
        return (
            f"{sum(rows.values()):,} rows: {', '.join(f'{split} {n:,}' for split, n in rows.items())}" if rows else ""
        )
    except (ValueError, TypeError, AttributeError):
        return ""  # another component's property of that name


def _blessing(metadata: Mapping[str, Any]) -> str:
    return "blessed" if metadata.get("blessed") else "not blessed"


def _baseline(metadata: Mapping[str, Any]) -> str:
    if "is_baseline" not in metadata:
        return ""  # the Trainer's
    return "the latest blessed model" if metadata["is_baseline"] else "no model was blessed before"


def _push(metadata: Mapping[str, Any]) -> str:
    if not metadata.get("pushed"):
        return "held back"
    said = "pushed" if metadata.get("is_new", 1) else "already pushed"
    return f"{said} as version {metadata.get('pushed_version', '?')}"


NOTES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "tfx.Examples": _rows,
    "tfx.ModelBlessing": _blessing,
    "tfx.InfraBlessing": _blessing,
    "tfx.Model": _baseline,
    "tfx.PushedModel": _push,
}
