"""How long, and when: what a person writes as 1h30m, and as a cron schedule."""

from __future__ import annotations

import calendar
import re

from schema.errors import UsageError

SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
DURATION = re.compile(r"(?:\d+[dhms])+")
PART = re.compile(r"(\d+)([dhms])")
ZONE = re.compile(r"(?:CRON_TZ|TZ)=\S+\s+")
LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
FIELD_NAMES = ("minute", "hour", "day of the month", "month", "day of the week")
NAMES = frozenset(name.lower() for name in (*calendar.month_abbr, *calendar.day_abbr) if name)
CRON_ITEM = re.compile(r"(?:\*|\?|(\w+)(?:-(\w+))?)(?:/(\d+))?")


def seconds_of(text: str, option: str) -> int:
    """Returns the seconds of a duration such as 90s, 30m, 1h30m or 2d.

    Raises:
      UsageError: it is no duration, or none at all.
    """
    written = text.strip().lower()
    seconds = sum(int(count) * SECONDS[unit] for count, unit in PART.findall(written))
    if not DURATION.fullmatch(written) or not seconds:
        raise UsageError(f"{option} {text!r} is no duration. Legal are 90s, 30m, 1h30m, 2d and the like.")
    return seconds


def check_cron(text: str) -> str:
    """Returns a cron expression of five fields, minute first, as it was given but for outer blanks.

    Raises:
      UsageError: it has not five fields, or one of them is out of its range.
    """
    written = text.strip()
    fields = ZONE.sub("", written, count=1).split()
    if len(fields) != len(LIMITS):
        raise UsageError(
            f"--cron {text!r} has {len(fields)} fields. Give five: minute, hour, day of the month, month, day of the "
            "week; '0 3 * * *' is every night at three."
        )
    for field, limits, name in zip(fields, LIMITS, FIELD_NAMES, strict=True):
        if not all(_is_legal(item, *limits) for item in field.split(",")):
            raise UsageError(f"--cron {text!r}: {field!r} is no {name}. Legal are {limits[0]} to {limits[1]}, *, */N.")
    return written


def kubeflow_cron(cron: str) -> str:
    """Returns a cron expression as Kubeflow reads it: with a field of seconds before the five.

    Five fields would be taken for seconds to months: https://pkg.go.dev/github.com/robfig/cron.

    Raises:
      UsageError: it names a time zone, which is the cluster's to set.
    """
    if ZONE.match(cron):
        raise UsageError(
            f"--cron {cron!r}: Kubeflow takes no time zone; it goes by UTC, or by the zone of its cluster."
        )
    return f"0 {cron}"


def _is_legal(item: str, low: int, high: int) -> bool:
    found = CRON_ITEM.fullmatch(item)
    if not found:
        return False
    first, last, step = found.groups()
    ends = [end for end in (first, last) if end]
    numbers = [int(end) for end in ends if end.isdecimal()]
    in_range = all(low <= number <= high for number in numbers) and numbers == sorted(numbers)
    return in_range and all(end.isdecimal() or end.lower() in NAMES for end in ends) and step != "0"
