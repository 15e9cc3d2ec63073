"""What every way of asking a model shares: rows are numbered and held against what it reads, answers become rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import numpy.typing as npt

from schema.errors import RowRefused
from serving.rows import NoRow, Row

KINDS = {"string": "BYTES", "int32": "INT", "int64": "INT", "float64": "NUMBER"}  # others: FLOAT
Asked = TypeVar("Asked")


def kinds_of(dtypes: Mapping[str, str]) -> dict[str, str]:
    """Returns what `schema.column.Column` calls the type of each of a signature's inputs, given TensorFlow's name."""
    return {name: KINDS.get(dtype, "FLOAT") for name, dtype in dtypes.items()}


def check_rows(
    check: Callable[[Row], Asked], rows: Iterable[Row | NoRow], first: int = 1
) -> Iterator[Asked | RowRefused]:
    """Yields each row as `check` returns it, or why it is refused, with its number, counted from `first`."""
    for number, row in enumerate(rows, start=first):
        yield _checked(check, number, row)


def refused(number: int, why: object) -> RowRefused:
    """Returns the refusal of a row by its number."""
    return RowRefused(f"row {number}: {why}")


def answers_of(outputs: Mapping[str, npt.NDArray[Any]]) -> Iterator[dict[str, Any]]:
    """Yields each row's answer: plain numbers, texts and lists of them, by the names of the outputs in their order.

    The outputs have one value for each row, shape [rows, ...]. What of a text is not UTF-8 becomes U+FFFD.
    """
    names = sorted(outputs)  # which TensorFlow gives in any order
    for values in zip(*(_plain_values(outputs[name]) for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def _checked(check: Callable[[Row], Asked], number: int, row: Row | NoRow) -> Asked | RowRefused:
    if isinstance(row, NoRow):
        return refused(number, row.reason)
    try:
        return check(row)
    except RowRefused as refusal:
        return refused(number, refusal)


def _plain_values(array: npt.NDArray[Any]) -> list[Any]:
    values: list[Any] = array.tolist()
    return [_plain(value) for value in values] if array.dtype == object else values


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return [_plain(one) for one in value] if isinstance(value, list) else value
