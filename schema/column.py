"""What one column of a request must be, and its value as the model takes it.

| the value is | numbers (INT, FLOAT) | text (BYTES) |
|---|---|---|
| absent, null, "" or NaN | NaN; refused where the schema wants a value in every row | "", likewise |
| a number | within the schema's bounds; of an INT, whole | its text, as the training data's readers write it |
| true or false | 1 or 0 | "true" or "false", likewise |
| a text | the number that it is, an ISO 8601 date in seconds; else refused | refused outside a closed domain |
| a list or an object | refused | refused |
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from schema.errors import RowRefused
from schema.numbers import number_of

Value = float | str
SHOWN = 60  # characters of a value that is refused
MOST_LEGAL = 8  # legal values that are named
LARGEST_INTEGER = 2.0**63
HALF_A_FLOAT32 = 2.0**-24  # relative: half of the distance to the next one


@dataclass(frozen=True)
class Column:
    """A column that the model reads.

    Attributes:
      name: as the schema has it.
      kind: INT, FLOAT (of 32 bits), BYTES, or NUMBER for either of the first two in 64 bits.
      required: whether every row must have a value.
      least: the least number that is legal.
      most: the largest number that is legal.
      legal: the texts that are legal, where others are not.
    """

    name: str
    kind: str
    required: bool = False
    least: float = -math.inf
    most: float = math.inf
    legal: tuple[str, ...] | None = None

    def check(self, value: Any) -> Value:
        """Returns the value as the model takes it: a number or NaN, or a text or "".

        Raises:
          RowRefused: it is not what the column must be; the message names the column, the value and what is legal.
        """
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return self._missing()
        if not isinstance(value, str | int | float):
            raise RowRefused(f"{self.name!r} is {_kind_of(value)}, and a row has one value for each column")
        return self._text(value) if self.kind == "BYTES" else self._number(value)

    @cached_property
    def _legal(self) -> frozenset[str]:
        return frozenset(self.legal or ())

    def _missing(self) -> Value:
        if self.required:
            raise RowRefused(f"{self.name!r} is missing, and the schema asks for it in every row")
        return "" if self.kind == "BYTES" else math.nan

    def _text(self, value: str | float) -> str:
        text = value if isinstance(value, str) else text_of(value)
        if not _is_unicode(text):
            raise RowRefused(f"{self.name!r} is {_shown(value)}, which is not text that UTF-8 can hold")
        if self.legal is not None and text not in self._legal:
            raise RowRefused(f"{self.name!r} is {_shown(value)}, and the schema allows only {_listed(self.legal)}")
        return text

    def _number(self, value: str | float) -> Value:
        number = number_of(value) if isinstance(value, str) else _float(value)
        if number is None:
            raise RowRefused(f"{self.name!r} is {_shown(value)}, and the model needs a number there")
        if math.isnan(number):
            return self._missing()
        if math.isinf(number):
            raise RowRefused(f"{self.name!r} is {_shown(value)}, and the model needs a finite number there")
        return self._within_bounds(self._stored(value, number))

    def _stored(self, value: str | float, number: float) -> float:
        if self.kind == "INT":
            return self._whole(value, number)
        return self._single(value, number) if self.kind == "FLOAT" else number

    def _whole(self, value: str | float, number: float) -> float:
        if not number.is_integer():
            raise RowRefused(f"{self.name!r} is {_shown(value)}, and the model needs a whole number there")
        if not -LARGEST_INTEGER <= number < LARGEST_INTEGER:
            raise RowRefused(f"{self.name!r} is {_shown(value)}, which is more than 64 bits hold")
        return number

    def _single(self, value: str | float, number: float) -> float:
        """The nearest float32: what training saw, and what the schema's bounds are."""
        try:
            (single,) = struct.unpack("<f", struct.pack("<f", number))
        except OverflowError:
            raise RowRefused(f"{self.name!r} is {_shown(value)}, which is more than 32 bits hold") from None
        return float(single)

    def _within_bounds(self, number: float) -> float:
        if self.least <= number <= self.most:
            return number
        raise RowRefused(f"{self.name!r} is {_plain(number)}, and the schema allows {self._bounds()}")

    def _bounds(self) -> str:
        if self.most == math.inf:
            return f"at least {_plain(self.least)}"
        if self.least == -math.inf:
            return f"at most {_plain(self.most)}"
        return f"{_plain(self.least)} to {_plain(self.most)}"


def text_of(number: float) -> str:
    """Returns a number or boolean as the text that it becomes in a column of text: 7.0 as "7", True as "true"."""
    if isinstance(number, int) and not isinstance(number, bool):
        return str(number)
    return str(pa.scalar(number).cast(pa.string()).as_py())


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if number > 0 else -math.inf


def _is_unicode(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON can write and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(number: float) -> str:
    """The shortest text of a float32 that reads as the same one."""
    if number.is_integer() and abs(number) < LARGEST_INTEGER:
        return str(int(number))
    texts = (f"{number:.{digits}g}" for digits in range(1, 18))
    return next(text for text in texts if math.isclose(float(text), number, rel_tol=HALF_A_FLOAT32))


def _shown(value: str | float) -> str:
    shown = value if isinstance(value, str) else text_of(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return repr(shown) if isinstance(value, str) else shown


def _listed(legal: tuple[str, ...]) -> str:
    named = [repr(text) for text in legal[:MOST_LEGAL]]
    more = len(legal) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _kind_of(value: object) -> str:
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else type(value).__name__
