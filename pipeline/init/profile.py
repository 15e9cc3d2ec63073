"""What each column looks like: its kind, told from its values and, where they leave it open, from its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.init.forms import Form

MOST_CATEGORIES = 1000
REPEATED = 5.0  # rows a value, on average: a category
FEW = 20  # values, which make a category of two rows a value, too
HARDLY_REPEATED = 2.0  # rows a value; below it there is nothing to learn of a value
NEARLY_ALL = 0.98  # of the values are different: an identifier
MOST_MISSING = 0.995  # of the rows lack it: nothing to learn of it
ENOUGH_TO_NAME_ROWS = 1000  # rows; where all of so many integers differ, they name the rows
LONG_TEXT, MANY_WORDS = 60, 4
EPOCH = range(10**8, 41 * 10**8)  # seconds: 1973 to 2099
TOLD = 3  # values
ID_WORDS = frozenset({"id", "ids", "uuid", "guid", "key", "pk", "rowid", "index", "idx", "unnamed", "serial"})
CODE_WORDS = frozenset(
    {"id", "code", "zip", "zipcode", "postcode", "postal", "area", "tract", "region", "zone", "category", "cat", "type"}
    | {"class", "group", "sector", "store", "dept", "month", "day", "weekday", "dow", "hour", "quarter"}
)
TIME_WORDS = frozenset({"time", "timestamp", "datetime", "date", "ts", "epoch", "at", "created", "updated"})
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class Kind(StrEnum):
    """What a column is."""

    NUMBER = "number"
    FLAG = "two numbers"
    BOOLEAN = "true or false"
    CODE = "code"
    CATEGORY = "category"
    MANY = "many categories"
    DATE = "date"
    EMPTY = "empty"
    CONSTANT = "constant"
    RARE = "nearly always missing"
    IDENTIFIER = "identifier"
    FREE_TEXT = "free text"
    UNREPEATED = "text that hardly repeats"
    LIST = "several values a row"


@dataclass(frozen=True)
class Profile:
    """A column of the rows that were looked at.

    Attributes:
      name: its name.
      type: INT, FLOAT or BYTES.
      kind: what it is.
      rows: how many rows there are.
      missing: how many of them lack it.
      distinct: how many different values it has.
      least: its least number; None of text.
      most: its greatest.
      common: its commonest values, each with its number of rows, the commonest first.
      doubt: what is not certain.
    """

    name: str
    type: str
    kind: Kind
    rows: int
    missing: int
    distinct: int
    least: float | None = None
    most: float | None = None
    common: tuple[tuple[Any, int], ...] = ()
    doubt: str = ""

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return self.rows - self.missing

    @property
    def looks(self) -> str:
        """What it looks like, in a few words."""
        said = [str(self.kind), self._values()]
        if self.missing and self.kind not in (Kind.EMPTY, Kind.LIST):
            said.append(f"{share(self.missing / self.rows)} missing")
        return ", ".join(part for part in said if part)

    def _values(self) -> str:
        if self.kind in (Kind.NUMBER, Kind.FLAG) and self.least is not None and self.most is not None:
            return f"{_short(self.least)} to {_short(self.most)}"
        if self.kind is Kind.CONSTANT:
            return f"always {shown(self.common[0][0])}"
        if self.kind in (Kind.EMPTY, Kind.LIST, Kind.BOOLEAN, Kind.DATE, Kind.RARE):
            return ""
        return f"{self.distinct:,} values"


def profile(name: str, column: pa.Array, form: Form) -> Profile:
    """Returns what a column looks like; the column is int64, float32 or binary, or lists of these."""
    rows, missing = len(column), column.null_count
    if form.is_list or pa.types.is_nested(column.type):
        return Profile(name, form.type, Kind.LIST, rows, missing, 0)
    counts = pc.value_counts(column.drop_null())
    order = (
        pc.sort_indices(counts.field(1), sort_keys=[("", "descending")]) if len(counts) else pa.array([], pa.int64())
    )
    common = tuple((counts[at.as_py()][0].as_py(), counts[at.as_py()][1].as_py()) for at in order[:MOST_CATEGORIES])
    is_number = form.type in ("INT", "FLOAT") and len(counts) > 0 and not pa.types.is_binary(column.type)
    bounds = pc.min_max(column).as_py() if is_number else {"min": None, "max": None}
    seen = Profile(name, form.type, Kind.NUMBER, rows, missing, len(counts), bounds["min"], bounds["max"], common)
    kind, doubt = _kind(seen, column, form)
    return Profile(
        name, form.type, kind, rows, missing, len(counts), seen.least, seen.most, common, doubt or form.doubt
    )


def words_of(name: str) -> frozenset[str]:
    """Returns the words in a column's name, in lower case: pickupArea_id has pickup, area and id."""
    return frozenset(word.lower() for word in WORDS.findall(name))


def share(fraction: float) -> str:
    """Returns a fraction as a percentage that is 0 % and 100 % of nothing else."""
    percent = 100 * fraction
    if 0 < percent < 1 or 99 < percent < 100:  # noqa: PLR2004  # per cent
        return f"{percent:.2g} %" if percent < 1 else f"{min(percent, 99.99):.4g} %"
    return f"{percent:.0f} %"


def shown(value: Any, most: int = 30) -> str:
    """Returns a value for a person, on one line."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if isinstance(text, float):
        return f"{text:.6g}"
    if not isinstance(text, str):
        return str(text)
    cut = text if len(text) <= most else f"{text[:most]}…"
    return cut if cut.isprintable() and cut == cut.strip() and cut else repr(cut)


def _short(number: float) -> str:
    return f"{number:,.0f}" if 1000 <= abs(number) < 10**9 else f"{number:.4g}"  # noqa: PLR2004  # four digits


def _kind(seen: Profile, column: pa.Array, form: Form) -> tuple[Kind, str]:
    if not seen.present:
        return Kind.EMPTY, ""
    if seen.distinct == 1 and not seen.missing:
        return Kind.CONSTANT, ""
    if seen.missing > MOST_MISSING * seen.rows:
        return Kind.RARE, ""
    if form.is_boolean:
        return Kind.BOOLEAN, ""
    if form.is_date:
        return Kind.DATE, ""
    return _kind_of_numbers(seen, column) if seen.least is not None else _kind_of_text(seen, column)


def _kind_of_numbers(seen: Profile, column: pa.Array) -> tuple[Kind, str]:
    words = words_of(seen.name)
    if seen.distinct <= 2:  # noqa: PLR2004  # a flag
        return Kind.FLAG, ""
    if seen.type == "FLOAT":
        return Kind.NUMBER, ""
    assert seen.least is not None
    assert seen.most is not None
    if words & TIME_WORDS and int(seen.least) in EPOCH and int(seen.most) in EPOCH:
        return Kind.DATE, ""
    if seen.distinct >= NEARLY_ALL * seen.present:
        return _kind_of_different_integers(seen, column, words)
    is_code = words & CODE_WORDS and seen.distinct <= MOST_CATEGORIES
    return (Kind.CODE if is_code and _rows_a_value(seen) >= REPEATED else Kind.NUMBER), ""


def _kind_of_different_integers(seen: Profile, column: pa.Array, words: frozenset[str]) -> tuple[Kind, str]:
    """An identifier, if its name says so, or it counts the rows; a number that happens not to repeat, if not."""
    assert seen.least is not None
    assert seen.most is not None
    counts_rows = seen.most - seen.least < seen.present / NEARLY_ALL and _is_sorted(column)
    if words & ID_WORDS or counts_rows:
        return Kind.IDENTIFIER, ""
    if seen.distinct == seen.present >= ENOUGH_TO_NAME_ROWS:
        return Kind.IDENTIFIER, "each row has another whole number, and it is left out as an identifier"
    if seen.present < FEW:
        return Kind.NUMBER, ""
    return Kind.NUMBER, "nearly each row has another whole number: leave it out if it only names the row"


def _kind_of_text(seen: Profile, column: pa.Array) -> tuple[Kind, str]:
    if seen.distinct <= MOST_CATEGORIES and _rows_a_value(seen) >= (
        HARDLY_REPEATED if seen.distinct <= FEW else REPEATED
    ):
        return Kind.CATEGORY, ""
    length, words = _length_and_words(column)
    if _rows_a_value(seen) < HARDLY_REPEATED and (length >= LONG_TEXT or words >= MANY_WORDS):
        return Kind.FREE_TEXT, ""
    if _rows_a_value(seen) >= HARDLY_REPEATED:
        return Kind.MANY, ""
    is_identifier = seen.distinct >= NEARLY_ALL * seen.present or words_of(seen.name) & ID_WORDS
    return (Kind.IDENTIFIER if is_identifier else Kind.UNREPEATED), ""


def _rows_a_value(seen: Profile) -> float:
    return seen.present / max(seen.distinct, 1)


def _is_sorted(column: pa.Array) -> bool:
    values = column.drop_null().to_numpy(zero_copy_only=False)
    steps = values[1:] - values[:-1]
    return bool((steps > 0).all() or (steps < 0).all())


def _length_and_words(column: pa.Array) -> tuple[float, float]:
    """The mean number of bytes, and of words, of the values of a column of text."""
    values = column.drop_null()
    length = pc.mean(pc.binary_length(values)).as_py() or 0.0
    spaces = pc.mean(pc.count_substring_regex(values, r"\s+")).as_py() or 0.0
    return length, spaces + 1
