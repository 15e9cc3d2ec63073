"""Spans and versions of data, from the names of its files.

In a path, `{SPAN}` stands for a span's number, `{YYYY}`, `{MM}` and `{DD}` for its date (the number is then the days
since 1970-01-01), `{VERSION}` for the version of a span, as in TFX's ExampleGen; `{SPAN:4}` is as many digits wide.
A path without a placeholder is one span without a number.
"""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from components.files import Found, find
from components.source_options import SourceOptions
from schema.errors import UsageError

PLACEHOLDER = re.compile(r"\{(SPAN|VERSION|YYYY|MM|DD)(?::(\d+))?\}")
DIGITS = {"SPAN": r"\d+", "VERSION": r"\d+", "YYYY": r"\d{4}", "MM": r"\d{2}", "DD": r"\d{2}"}
DATE = ("YYYY", "MM", "DD")
SHOWN = 10


@dataclass(frozen=True)
class Span:
    """The files of one span, in one version; number and version are None where the path has none."""

    number: int | None
    version: int | None
    files: tuple[Found, ...]


def check_pattern(path: str) -> None:
    """Checks the placeholders of a path.

    Raises:
      ValueError: there is a year without a month or a day, or both a date and a span.
    """
    names = [name for name, _ in PLACEHOLDER.findall(path)]
    dated = set(names) & set(DATE)
    if dated and (dated != set(DATE) or "SPAN" in names):
        raise ValueError("a date needs {YYYY}, {MM} and {DD}, and takes the place of {SPAN}")
    if "VERSION" in names and not (dated or "SPAN" in names):
        raise ValueError("{VERSION} needs {SPAN}, or {YYYY}, {MM} and {DD}, beside it")
    if len(names) > len(set(names)):
        raise ValueError("names a placeholder twice")


def has_spans(path: str) -> bool:
    """Returns whether a path has spans."""
    return bool(PLACEHOLDER.search(path))


def resolve(options: SourceOptions) -> list[Span]:
    """Returns the spans to read, the oldest first: the latest or the given one, and those before it in the window.

    Raises:
      UsageError: there is no file, or no such span or version.
    """
    found = find(PLACEHOLDER.sub("*", options.path))
    if not has_spans(options.path):
        return [Span(None, None, tuple(_some(options.path, found)))]
    by_number = _by_number_and_version(options.path, _some(options.path, found))
    if not by_number:
        raise UsageError(f"{options.path}: no file there has a number or a date in the place of its placeholders.")
    latest = max(by_number) if options.span is None else options.span
    if latest not in by_number:
        raise UsageError(f"{options.path}: there is no span {latest}. {_which('spans', by_number)}")
    numbers = [number for number in sorted(by_number) if number <= latest][-options.window :]
    if options.test_spans and len(numbers) <= options.test_spans:
        raise UsageError(
            f"{options.path}: {_which('spans', numbers)} data.test_spans is {options.test_spans}, so none is left to "
            "train on."
        )
    return [_span(options, number, by_number[number], latest) for number in numbers]


def _span(options: SourceOptions, number: int, versions: dict[int | None, list[Found]], latest: int) -> Span:
    newest = max(versions, key=lambda version: -1 if version is None else version)
    version = newest if options.version is None or number != latest else options.version
    if version not in versions:
        known = [one for one in versions if one is not None]
        raise UsageError(f"{options.path}: span {number} has no version {version}. {_which('versions', known)}")
    return Span(number, version, tuple(versions[version]))


def _by_number_and_version(path: str, found: Iterable[Found]) -> dict[int, dict[int | None, list[Found]]]:
    pattern = _regex(path)
    spans: dict[int, dict[int | None, list[Found]]] = defaultdict(lambda: defaultdict(list))
    for file in found:
        matched = pattern.fullmatch(file.path)
        number = _number(matched.groupdict()) if matched else None
        if matched and number is not None:
            version = matched.groupdict().get("VERSION")
            spans[number][None if version is None else int(version)].append(file)
    return spans


def _number(said: dict[str, str]) -> int | None:
    if "SPAN" in said:
        return int(said["SPAN"])
    try:
        day = date(*(int(said[part]) for part in DATE))
    except ValueError:
        return None  # a folder such as 2016/13/45 is no date, and no span
    return (day - date(1970, 1, 1)).days


def _regex(path: str) -> re.Pattern[str]:
    """The path as a regular expression with a group for each placeholder; its globs as fnmatch has them."""
    said, end = "", 0
    for place in PLACEHOLDER.finditer(path):
        name, width = place.groups()
        digits = rf"\d{{{width}}}" if width else DIGITS[name]
        said += f"{_glob_to_regex(path[end : place.start()])}(?P<{name}>{digits})"
        end = place.end()
    return re.compile(said + _glob_to_regex(path[end:]))


def _glob_to_regex(glob: str) -> str:
    inner = fnmatch.translate(glob)
    return inner.removeprefix("(?s:").removesuffix(r")\Z")


def _some(path: str, found: list[Found]) -> list[Found]:
    if not found:
        raise UsageError(f"{path}: there is no such data file. Set data.path to a file or a glob that matches some.")
    return found


def _which(what: str, numbers: Iterable[int]) -> str:
    known = sorted(numbers)
    shown = ", ".join(map(str, known[-SHOWN:]))
    return f"There are the {what} {'… ' if len(known) > SHOWN else ''}{shown}."
