"""What a person or a script is told of an order and of what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pipeline.submission.orders import Order, Receipt, Standing


def receipt_lines(order: Order, receipt: Receipt) -> list[str]:
    """Returns what was made, for a person."""
    lines = []
    if receipt.version:
        lines.append(f"pipeline  {receipt.version}, {'uploaded' if receipt.is_new_version else 'which was there'}")
    what = "recurring" if order.schedule else "run"
    return [*lines, f"{what:<9} {receipt.id}, {order.run_name}", f"page      {receipt.page}"]


def as_json(order: Order, receipt: Receipt, standing: Standing | None) -> dict[str, Any]:
    """Returns what was made, and where it was followed how it ended, for a script."""
    ended = standing and {
        "state": standing.state,
        "error": standing.failure or None,
        "steps": [asdict(status) for status in standing.statuses],
    }
    version = {"version": receipt.version, "uploaded": receipt.is_new_version} if receipt.version else {}
    made = {
        "recurring_run_id" if order.schedule else "run_id": receipt.id,
        "name": order.run_name,
        "page": receipt.page,
    }
    return {"target": order.pipeline.target, "pipeline": order.pipeline.name} | version | made | (ended or {})


def wanted(order: Order, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what would be sent, and where to."""
    pipeline = order.sent
    what = {
        "target": pipeline.target,
        "pipeline": pipeline.name,
        "version": pipeline.version,
        "name": order.run_name,
        "steps": list(pipeline.steps),
        "parameters": order.parameters,
        "root": order.root,
        "schedule": asdict(order.schedule) if order.schedule else None,
        "cache": "off" if order.no_cache else "as compiled",
    }
    where = settings.get("host") or settings.get("place") or {}
    return what | {key: str(value) for key, value in where.items() if value is not None}


def wanted_lines(order: Order, settings: Mapping[str, Any]) -> list[str]:
    """Returns what would be sent, for a person: what is not there has no line."""
    shown = {key: value for key, value in wanted(order, settings).items() if value not in (None, {}, [])}
    return [f"{key:<16} {_text(value)}" for key, value in shown.items()]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " → ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
