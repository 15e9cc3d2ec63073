"""Columns as they were read to columns of the types that the schema wants; what does not fit is found, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.source_options import NUMBER
from schema.dates import seconds_of
from schema.errors import DataAnomaly

Types = Mapping[str, str]
Mask = npt.NDArray[np.bool_]
ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float64(), NUMBER: pa.float64()}
WANTED = {"INT": "an integer", "FLOAT": "a number", NUMBER: "a number", "BYTES": "text"}
BOOLEANS = {"true": 1.0, "false": 0.0}
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
            reasons.setdefault(int(index), _reason(name, column[int(index)].as_py(), wanted))
    return pa.RecordBatch.from_arrays(converted, columns.schema.names), reasons


def without_value(columns: pa.RecordBatch, required: tuple[str, ...]) -> dict[int, str]:
    """Returns by index why a row cannot be used that lacks a value which it must have."""
    reasons: dict[int, str] = {}
    for name in required:
        if name in columns.schema.names:
            for index in np.flatnonzero(_mask(pc.is_null(columns.column(name), nan_is_null=True))):
                reasons.setdefault(int(index), f"{name!r} has no value, and the label needs one")
    return reasons


def kind_of(column: pa.Array, wanted: str) -> str:
    """Returns the type that fits all values of a column: INT, FLOAT or BYTES; "" where there is no value."""
    if column.null_count == len(column):
        return ""
    if not _is_text(column.type):
        return "FLOAT" if _is_float(column.type) else "INT" if _is_whole(column.type) else "BYTES"
    text, _ = _as_text(column)
    for kind in ("INT", "FLOAT"):  # for all values at once, which is quick
        if (_numbers if wanted == NUMBER else _cast)(text, kind) is not None:
            return kind
    if wanted != NUMBER:
        return "BYTES"
    parsed = [_number(value) for value in text.drop_null().to_pylist()]
    return "INT" if all(number is None or number.is_integer() for number in parsed) else "FLOAT"


def _convert_named(name: str, column: pa.Array, wanted: str) -> tuple[pa.Array, Mask]:
    try:
        return _convert(column, wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataAnomaly(
            f"column {name!r} is {column.type}, which cannot become a number or text: {str(error).rstrip('.')}. "
            "Write it in another form, or leave it out."
        ) from None


def _convert(column: pa.Array, wanted: str) -> tuple[pa.Array, Mask]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    none: Mask = np.zeros(len(column), bool)
    if _is_text(column.type):
        return _convert_text(column, wanted)
    if wanted == "BYTES" and (_is_whole(column.type) or _is_float(column.type)):
        return column.cast(pa.string()), none
    if wanted in ARROW_TYPES and _is_float(column.type):
        return _convert_floats(column, wanted)
    return column, none


def _convert_text(column: pa.Array, wanted: str) -> tuple[pa.Array, Mask]:
    text, bad = _as_text(column)
    if wanted not in ARROW_TYPES:
        return text, bad
    values = _numbers(text, wanted)
    if values is None:
        parse = PARSERS[wanted]
        parsed = [None if value is None else parse(value) for value in text.to_pylist()]
        values = pa.array(parsed, ARROW_TYPES[wanted])
        bad = bad | (_mask(pc.is_null(values)) & _mask(pc.is_valid(text)))
    return (values, bad) if wanted == "INT" else _finite(values, bad)


def _convert_floats(column: pa.Array, wanted: str) -> tuple[pa.Array, Mask]:
    floats, bad = _finite(column.cast(pa.float64()), np.zeros(len(column), bool))
    if wanted != "INT":
        return floats, bad
    fraction = _mask(pc.not_equal(pc.floor(floats), floats)) & ~_mask(pc.is_nan(floats))
    whole = pc.if_else(pa.array(fraction | _mask(pc.is_nan(floats))), None, floats)
    return whole.cast(pa.int64(), safe=False), bad | fraction


def _finite(floats: pa.Array, bad: Mask) -> tuple[pa.Array, Mask]:
    """The column with what is infinite held to be bad: no mean and no weight survives it."""
    infinite = _mask(pc.is_inf(floats))
    return pc.if_else(pa.array(infinite), None, floats), bad | infinite


def _as_text(column: pa.Array) -> tuple[pa.Array, Mask]:
    """A column of text, and where it is no valid UTF-8; what is empty is missing."""
    none: Mask = np.zeros(len(column), bool)
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        values = [None if value is None else _decoded(value) for value in column.to_pylist()]
        text = pa.array(values, pa.string())
        none = _mask(pc.is_null(text)) & _mask(pc.is_valid(column))
    return pc.if_else(pc.equal(text, ""), None, text), none


def _numbers(text: pa.Array, kind: str) -> pa.Array | None:
    """All values as numbers, or as the seconds of their ISO 8601 dates; None where some value is neither."""
    numbers = _cast(text, kind)
    if numbers is not None:
        return numbers
    for zone in (None, "UTC"):
        try:
            times = pc.utf8_trim_whitespace(text).cast(pa.timestamp("s", zone))
        except pa.ArrowInvalid:
            continue
        return times.cast(pa.int64()).cast(ARROW_TYPES[kind])
    return None


def _cast(text: pa.Array, kind: str) -> pa.Array | None:
    try:
        return pc.utf8_trim_whitespace(text).cast(ARROW_TYPES[kind])
    except pa.ArrowInvalid:
        return None


def _integer(text: str) -> int | None:
    try:
        return int(text) if "_" not in text else None
    except ValueError:
        number = _number(text)
    return int(number) if number is not None and np.isfinite(number) and number == int(number) else None


def _number(text: str) -> float | None:
    word = text.strip().lower()
    if word in BOOLEANS:
        return BOOLEANS[word]
    try:
        return float(word) if "_" not in word else None
    except ValueError:
        seconds = seconds_of(text)
        return None if seconds is None else float(seconds)


PARSERS: dict[str, Callable[[str], float | None]] = {"INT": _integer, "FLOAT": _number, NUMBER: _number}


def _reason(name: str, value: object, wanted: str) -> str:
    shown = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    quoted = repr(shown if len(shown) <= SHOWN else shown[:SHOWN] + "…")
    if wanted in ARROW_TYPES:
        return f"{name!r} holds {quoted}, where the schema or the column's role wants {WANTED[wanted]}"
    return f"{name!r} holds {quoted}, which is not UTF-8"


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _is_text(kind: pa.DataType) -> bool:
    checks = (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string, pa.types.is_large_binary)
    return any(check(kind) for check in checks)


def _is_float(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_whole(kind: pa.DataType) -> bool:
    checks = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_date, pa.types.is_timestamp)
    return any(check(kind) for check in checks)


def _mask(array: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(array, fill_value=False).to_numpy(zero_copy_only=False)
    return mask
