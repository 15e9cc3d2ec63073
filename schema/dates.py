"""Dates and times as text, as seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime


def seconds_of(text: str) -> int | None:
    """Returns the seconds since 1970 of an ISO 8601 date or time, UTC where it names no zone; None where it is none."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
