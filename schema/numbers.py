"""Numbers as text: the one reading of them that training and serving share."""

from __future__ import annotations

import math

from schema.dates import seconds_of

BOOLEANS = {"true": 1.0, "false": 0.0}


def number_of(text: str) -> float | None:
    """Returns the number that a text is: true and false are 1 and 0, an ISO 8601 date its seconds since 1970.

    None where it is none of these. Underscores, which Python would allow, are no part of a number.
    """
    word = text.strip().lower()
    if word in BOOLEANS:
        return BOOLEANS[word]
    try:
        return float(word) if "_" not in word else None
    except ValueError:
        seconds = seconds_of(text)
        return None if seconds is None else float(seconds)


def integer_of(text: str) -> int | None:
    """Returns the integer that a text is, exact beyond 2^53 too, 3.0 being 3; None where it is none."""
    try:
        return int(text) if "_" not in text else None
    except ValueError:
        number = number_of(text)
    return int(number) if number is not None and math.isfinite(number) and number.is_integer() else None
