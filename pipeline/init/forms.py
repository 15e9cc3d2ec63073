"""What the values of each column can be read as: whole numbers, numbers, dates, booleans or text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from components.source_options import SourceOptions
from schema.numbers import BOOLEANS, number_of

MISSING_WORDS = frozenset(
    {"?", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", ".", "missing", "unknown"}
)
HAS_MISSING = ("csv", "jsonl")  # the sources that heed data.missing
LEADING_ZERO = re.compile(r"\s*[+-]?0\d+\s*")
OTHER_DATE = re.compile(r"\s*\d{1,2}([./-])\d{1,2}\1(\d{2}|\d{4})\b.*")
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d{1,3}(\.?\d{3})*,\d+\s*|\s*[+-]?\d+,\d+\s*")
NEARLY_ALL = 0.9
PROBED = 200  # distinct values; where none of them is a number, a column is text
LARGEST_INTEGER = 2**63
MOST_WHOLE = 100  # distinct values of a label of numbers such as 3.0, which is then read as whole


@dataclass(frozen=True)
class Form:
    """How a column is read.

    Attributes:
      type: INT, FLOAT or BYTES, as a schema has it.
      is_date: whether its numbers are seconds since 1970.
      is_boolean: whether its numbers are true and false.
      is_list: whether some row has several values.
      missing: words in it that say that a value is missing.
      doubt: what it nearly is, and what would make it so.
    """

    type: str
    is_date: bool = False
    is_boolean: bool = False
    is_list: bool = False
    missing: tuple[str, ...] = ()
    doubt: str = ""


TEXT = Form("BYTES")


def forms_of(columns: Mapping[str, pa.ChunkedArray], options: SourceOptions) -> dict[str, Form]:
    """Returns the form of each column as it was read."""
    reads_text = options.source != "tfrecord"  # whose features have types, and keep them
    words = MISSING_WORDS if options.source in HAS_MISSING else frozenset[str]()
    return {name: form_of(column, words, reads_text=reads_text) for name, column in columns.items()}


def form_of(column: pa.ChunkedArray, words: frozenset[str] = MISSING_WORDS, *, reads_text: bool = True) -> Form:
    """Returns the form of one column; with `reads_text` a text that is a number counts as one."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_nested(kind):
        values = kind.value_type if hasattr(kind, "value_type") else kind
        return Form(_plain(values).type, is_list=True)
    if not _is_text(kind) or not reads_text:
        return _plain(kind)
    return _form_of_texts(_distinct_texts(column), words)


def whole(form: Form, column: pa.ChunkedArray) -> Form:
    """Returns the form of a label of numbers: INT, where it has few and all are whole, as 3.0 is."""
    if form.type != "FLOAT" or form.is_list:
        return form
    if not _is_text(column.type):
        numbers = pc.unique(column.cast(pa.float64())).to_pylist()
    else:
        numbers = [number_of(text) for text in _distinct_texts(column) if text.strip().lower() not in MISSING_WORDS]
    values = {number for number in numbers if number is not None and not math.isnan(number)}
    return Form("INT", missing=form.missing) if len(values) <= MOST_WHOLE and all(map(_is_whole, values)) else form


def _form_of_texts(texts: list[str], words: frozenset[str]) -> Form:
    missing = tuple(text for text in texts if text.strip().lower() in words or _is_infinite(text))
    values = [text for text in texts if text not in set(missing)]
    if not values:
        return TEXT
    if all(number_of(text) is None for text in values[:PROBED]):
        return Form("BYTES", doubt=_nearly(values, []))
    numbers = {text: number for text in values if (number := number_of(text)) is not None}
    if len(numbers) < len(values):
        return Form("BYTES", doubt=_nearly(values, list(numbers)))
    return _form_of_numbers(numbers, missing)


def _form_of_numbers(numbers: Mapping[str, float], missing: tuple[str, ...]) -> Form:
    plain = [text for text in numbers if _is_plain(text)]
    booleans = [text for text in numbers if text.strip().lower() in BOOLEANS]
    if not plain and not booleans:
        return Form("INT", is_date=True, missing=missing)
    if len(plain) + len(booleans) < len(numbers):
        return Form("BYTES", doubt="some of its values are dates and some are numbers")
    if any(LEADING_ZERO.fullmatch(text) for text in plain):
        return TEXT  # 00501 is a code, and 501 another
    kind = "INT" if all("." not in text and "e" not in text.lower() for text in plain) else "FLOAT"
    if any(not -LARGEST_INTEGER <= number < LARGEST_INTEGER for number in numbers.values()):
        kind = "FLOAT"
    return Form(kind, is_boolean=not plain, missing=missing)


def _nearly(values: list[str], numbers: list[str]) -> str:
    if numbers and len(numbers) >= NEARLY_ALL * len(values):
        known = set(numbers)
        odd = next(text for text in values if text not in known)
        return (
            f"nearly all its values are numbers, and some are not, such as {odd[:40]!r}: it is read as text. "
            "Mend them, or name them in data.missing"
        )
    if sum(bool(OTHER_DATE.fullmatch(text)) for text in values[:PROBED]) >= NEARLY_ALL * len(values[:PROBED]):
        return f"its values look like dates, such as {values[0]!r}: written as 2024-12-31 they would be read as dates"
    if sum(bool(DECIMAL_COMMA.fullmatch(text)) for text in values[:PROBED]) >= NEARLY_ALL * len(values[:PROBED]):
        return (
            f"its values look like numbers, such as {values[0]!r}: written with a point they would be read as numbers"
        )
    return ""


def _plain(kind: pa.DataType) -> Form:
    if pa.types.is_boolean(kind):
        return Form("INT", is_boolean=True)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return Form("INT", is_date=True)
    if pa.types.is_integer(kind):
        return Form("INT")
    return Form("FLOAT") if pa.types.is_floating(kind) or pa.types.is_decimal(kind) else TEXT


def _distinct_texts(column: pa.ChunkedArray) -> list[str]:
    """The different texts of a column; what is empty is missing, what is no UTF-8 is text of some kind."""
    values = column.unique().drop_null().to_pylist()
    texts = (value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value) for value in values)
    return [text for text in texts if text]


def _is_text(kind: pa.DataType) -> bool:
    checks = (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string, pa.types.is_large_binary)
    return any(check(kind) for check in checks)


def _is_plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_infinite(text: str) -> bool:
    return text.strip().lower().lstrip("+-") in ("inf", "infinity")


def _is_whole(number: float) -> bool:
    return math.isfinite(number) and number.is_integer() and abs(number) < LARGEST_INTEGER
