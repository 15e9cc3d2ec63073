"""The type of a column that no schema names: the one that fits all its values, in whatever batches and files they come.

A kind is INT, FLOAT or BYTES; BOOLEAN and DATE for text that says nothing else, which become INT; "" without any value.
"""

from __future__ import annotations

from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from components.source_options import NUMBER
from components.values import booleans, cast, dates, is_float, is_int64, is_text, is_whole, numbers
from schema.numbers import integer_of, number_of

Kinds = dict[str, str]
NUMBERS = {"INT", "FLOAT"}
GUESSES = (
    ("INT", cast, pa.int64()),
    ("FLOAT", cast, pa.float64()),
    ("BOOLEAN", booleans, pa.int64()),
    ("DATE", dates, pa.int64()),
)


def kind_of(column: pa.Array, wanted: str, *, is_typed: bool) -> str:
    """Returns the kind of a column of a batch.

    Args:
      column: its values.
      wanted: NUMBER where a role reads it as a number; what is none is then left to be found as a bad value.
      is_typed: whether its format has types, so that text there is meant as text, as it is not in a CSV.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_text(column.type):
        return _kind_of_text(column.filter(pc.greater(pc.binary_length(column), 0)), wanted, is_typed=is_typed)
    if column.null_count == len(column):
        return ""
    return "FLOAT" if is_float(column.type) else "INT" if is_whole(column.type) else "BYTES"


def merge(parts: list[Kinds]) -> Kinds:
    """Returns the kind of each column over all parts of a source."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: reduce(_wider, (part.get(name, "") for part in parts)) for name in names}


def type_of(kind: str, wanted: str) -> str:
    """Returns the type of a column of a kind: INT, FLOAT or BYTES."""
    if not kind:
        return "FLOAT" if wanted == NUMBER else "BYTES"
    return "INT" if kind in {"BOOLEAN", "DATE"} else kind


def _kind_of_text(text: pa.Array, wanted: str, *, is_typed: bool) -> str:
    if not len(text):
        return ""
    if wanted == NUMBER:
        return _kind_of_numbers(text)
    return "BYTES" if is_typed else _guess(text.cast(pa.string()))


def _guess(text: pa.Array) -> str:
    trimmed = pc.utf8_trim_whitespace(text)
    return next((kind for kind, read, to in GUESSES if read(trimmed, to) is not None), "BYTES")


def _kind_of_numbers(text: pa.Array) -> str:
    kind = next((kind for kind in ("INT", "FLOAT") if numbers(text, kind) is not None), "")
    if kind:
        return kind
    values = [value.decode("utf-8", "backslashreplace") for value in text.cast(pa.binary()).to_pylist()]
    whole = (is_int64(integer_of(value)) for value in values if number_of(value) is not None)
    return "INT" if all(whole) else "FLOAT"


def _wider(one: str, other: str) -> str:
    if one == other or not (one and other):
        return one or other
    return "FLOAT" if {one, other} == NUMBERS else "BYTES"
