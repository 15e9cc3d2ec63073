"""Columns as they were read to columns of the types that the schema wants; what does not fit is found, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.source_options import NUMBER
from schema.errors import DataAnomaly
from schema.numbers import BOOLEANS, integer_of, number_of

Types = Mapping[str, str]
Mask = npt.NDArray[np.bool_]
ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float64(), NUMBER: pa.float64()}
WANTED = {"INT": "an integer", "FLOAT": "a number", NUMBER: "a number"}
PARSERS: dict[str, Callable[[str], float | None]] = {"INT": integer_of, "FLOAT": number_of, NUMBER: number_of}
BEYOND_INT64 = 1 << 63  # the first whole number that an int64 does not hold
EXACT = float(1 << 53)  # up to here a float64 holds each whole number
SHOWN = 60  # characters of a bad value


def convert(columns: pa.RecordBatch, types: Types) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Returns the batch with its columns as `types` has them, and by index why a row does not fit.

    Raises:
      DataAnomaly: a column is of a kind that can be neither number nor text; the message names it.
    """
    converted = []
    reasons: dict[int, str] = {}
    for name, column in zip(columns.schema.names, columns.columns, strict=True):
        wanted = types.get(name, "")
        values, bad = _convert_named(name, column, wanted)
        converted.append(values)
        for index in np.flatnonzero(bad):
            reasons.setdefault(int(index), _reason(name, column[int(index)], wanted))
    return pa.RecordBatch.from_arrays(converted, columns.schema.names), reasons


def without_value(columns: pa.RecordBatch, required: tuple[str, ...]) -> dict[int, str]:
    """Returns by index why a row cannot be used that lacks a value which it must have."""
    reasons: dict[int, str] = {}
    for name in required:
        known = name in columns.schema.names
        missing = (
            _mask(pc.is_null(columns.column(name), nan_is_null=True)) if known else np.ones(columns.num_rows, bool)
        )
        for index in np.flatnonzero(missing):
            reasons.setdefault(int(index), f"{name!r} has no value, and the label needs one")
    return reasons


def plain(value: pa.Scalar) -> Any:
    """Returns a value as Python has it, bytes as text; what of them is no UTF-8 as a backslash, x and its digits."""
    if value.is_valid and is_text(value.type):
        return bytes(value.cast(pa.binary()).as_py()).decode("utf-8", "backslashreplace")
    return value.as_py()


def _convert_named(name: str, column: pa.Array, wanted: str) -> tuple[pa.Array, Mask]:
    try:
        return _convert(column.dictionary_decode() if pa.types.is_dictionary(column.type) else column, wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataAnomaly(
            f"column {name!r} is {column.type}, which cannot become a number or text: {str(error).rstrip('.')}. "
            "Write it in another form, or leave it out."
        ) from None


def _convert(column: pa.Array, wanted: str) -> tuple[pa.Array, Mask]:
    none: Mask = np.zeros(len(column), bool)
    if is_text(column.type):
        return _convert_text(column, wanted)
    if is_float(column.type):
        return (column.cast(pa.string()), none) if wanted == "BYTES" else _convert_floats(column, wanted)
    if is_whole(column.type) and wanted in {"BYTES", "FLOAT"}:
        return column.cast(pa.string()) if wanted == "BYTES" else whole_numbers(column).cast(pa.float64()), none
    return column, none


def _convert_text(column: pa.Array, wanted: str) -> tuple[pa.Array, Mask]:
    """What is empty is missing, in whatever column."""
    text = pc.if_else(pc.equal(pc.binary_length(column), 0), None, column)
    if wanted not in ARROW_TYPES:
        return text, np.zeros(len(column), bool)
    values = numbers(text, wanted)
    if values is None:
        values = pa.array([_parsed(value, wanted) for value in text.cast(pa.binary()).to_pylist()], ARROW_TYPES[wanted])
    bad = _mask(pc.is_null(values)) & _mask(pc.is_valid(text))
    return (values, bad) if wanted == "INT" else _finite(values, bad)


def _parsed(value: bytes | None, wanted: str) -> float | None:
    number = None if value is None else PARSERS[wanted](value.decode("utf-8", "backslashreplace"))
    return number if wanted != "INT" or is_int64(number) else None


def _convert_floats(column: pa.Array, wanted: str) -> tuple[pa.Array, Mask]:
    floats, bad = _finite(column.cast(pa.float64()), np.zeros(len(column), bool))
    if wanted != "INT":
        return floats, bad
    fits = pc.and_(pc.equal(pc.floor(floats), floats), pc.less(pc.abs(floats), float(BEYOND_INT64)))
    missing = _mask(pc.is_nan(floats)) | ~_mask(pc.is_valid(floats))
    whole = pc.if_else(fits, floats, None).cast(pa.int64(), safe=False)
    return whole, bad | ~(_mask(fits) | missing)


def _finite(floats: pa.Array, bad: Mask) -> tuple[pa.Array, Mask]:
    """The column with what is infinite, or would be as a tf.Example's float32, held to be bad: no mean survives it."""
    infinite = _mask(pc.is_inf(floats.cast(pa.float32(), safe=False)))
    return pc.if_else(pa.array(infinite), None, floats), bad | infinite


def numbers(text: pa.Array, kind: str) -> pa.Array | None:
    """Returns a column of text as numbers: all numbers, all booleans or all ISO 8601 dates; None where it is neither.

    It is quick, for all values at once; what `schema.numbers` reads value by value is more.
    """
    try:
        trimmed = pc.utf8_trim_whitespace(text.cast(pa.string()))
    except pa.ArrowInvalid:
        return None
    for read in (cast, _whole_floats, booleans, dates):
        values = read(trimmed, ARROW_TYPES[kind])
        if values is not None:
            return values
    return None


def whole_numbers(column: pa.Array) -> pa.Array:
    """Returns integers, booleans, or dates and times (the seconds since 1970) as int64."""
    is_time = pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)
    return (column.cast(pa.timestamp("s"), safe=False) if is_time else column).cast(pa.int64())


def booleans(text: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Returns a column that says true or false everywhere as 1 and 0; None where it does not."""
    words = pc.utf8_lower(text)
    known = pc.is_in(words, pa.array([*BOOLEANS, None], pa.string()))
    return pc.equal(words, "true").cast(kind) if pc.all(known).as_py() else None


def dates(text: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Returns a column of ISO 8601 dates as seconds since 1970; None where some value is none."""
    for zone in (None, "UTC"):
        times = cast(text, pa.timestamp("s", zone))
        if times is not None:
            return times.cast(pa.int64()).cast(kind)
    return None


def cast(text: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Returns a column of text as an Arrow type; None where some value is none of it, hexadecimal numbers included."""
    if pa.types.is_integer(kind) and pc.any(pc.match_substring(text, "x", ignore_case=True)).as_py():
        return None
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return None


def _whole_floats(text: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Integers written as floats, such as 3.0, which is how other programs write a column with missing values."""
    floats = cast(text, pa.float64())
    if floats is None:
        return None
    fits = pc.and_(pc.equal(pc.floor(floats), floats), pc.less(pc.abs(floats), EXACT))
    return floats.cast(kind) if pc.all(fits).as_py() else None


def _reason(name: str, value: pa.Scalar, wanted: str) -> str:
    shown = str(plain(value))
    quoted = repr(shown if len(shown) <= SHOWN else shown[:SHOWN] + "…")
    return f"{name!r} holds {quoted}, where the schema or the column's role wants {WANTED.get(wanted, 'a number')}"


def is_int64(number: float | None) -> bool:
    """Returns whether a whole number fits an int64; None does not."""
    return number is not None and -BEYOND_INT64 <= number < BEYOND_INT64


def is_text(kind: pa.DataType) -> bool:
    """Returns whether a type is text or bytes."""
    checks = (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string, pa.types.is_large_binary)
    return any(check(kind) for check in checks)


def is_float(kind: pa.DataType) -> bool:
    """Returns whether a type is a float or a decimal."""
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_whole(kind: pa.DataType) -> bool:
    """Returns whether a type is one of integers, booleans, dates or times, which are all integers in a tf.Example."""
    checks = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_date, pa.types.is_timestamp)
    return any(check(kind) for check in checks)


def _mask(array: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(array, fill_value=False).to_numpy(zero_copy_only=False)
    return mask
