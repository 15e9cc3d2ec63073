"""What is to be foretold: the label as the configuration writes it, its problem, and its value in each row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schema.errors import UsageError, did_you_mean
from schema.expression import Expression, quoted

Values = npt.NDArray[Any]
AUTO = "auto"
MOST_CLASSES = 100
MOST_CLASSES_OF_INTEGERS = 20
ENOUGH_OF_A_CLASS = 5  # rows, for whole numbers to be taken for classes
POSITIVE = frozenset({"yes", "y", "true", "t", "positive", "pos", "malignant", "1", "1.0", "on", "present", "churned"})
NAMED = 6  # classes


@dataclass(frozen=True)
class Label:
    """The label of a table.

    Attributes:
      text: as the configuration has it.
      columns: what it is made of, none of which can be a feature.
      problem: binary, multiclass or regression.
      values: of each row the index of its class, or its number; shape [rows].
      classes: the names of the classes in their order; none of a regression.
      what: what it is, in words.
      doubt: the other reading of it.
    """

    text: str
    columns: tuple[str, ...]
    problem: str
    values: Values
    classes: tuple[str, ...] = ()
    what: str = ""
    doubt: str = ""

    @property
    def counts(self) -> Values:
        """How many rows each class has, shape [classes]."""
        return np.bincount(self.values, minlength=len(self.classes))


def expression_of(given: str, names: Sequence[str]) -> Expression:
    """Returns the label that was asked for: a column, whatever its name, or an expression over columns.

    Raises:
      UsageError: it does not parse, or names a column that the data does not have.
    """
    if given in names:
        return Expression(quoted(given))
    expression = Expression(given)
    for column in expression.columns:
        if column not in names:
            raise UsageError(f"--label names {column!r}, which the data does not have. {_advice(column, names)}")
    return expression


def label_of(expression: Expression, table: pa.Table, problem: str) -> Label:
    """Returns the label of the rows of a table, which all have a value in its columns.

    Raises:
      UsageError: it does not vary, or is not what the problem needs.
    """
    found = _evaluate(expression, table)
    values, inverse, counts = np.unique(found, return_inverse=True, return_counts=True)
    if len(values) < 2:  # noqa: PLR2004  # nothing to learn
        _refuse_constant(expression, values)
    chosen, doubt = _problem(expression, values, counts) if problem == AUTO else (problem, "")
    _check_problem(expression, chosen, values)
    if chosen == "regression":
        numbers = found.astype(np.float64)
        what = f"a number, {numbers.min():.4g} to {numbers.max():.4g}, {numbers.mean():.4g} on average"
        return Label(expression.text, expression.columns, chosen, numbers, what=what, doubt=doubt)
    if chosen == "binary":
        return _binary(expression, values, inverse, counts)
    names = tuple(_name(value) for value in values)
    return Label(
        expression.text,
        expression.columns,
        chosen,
        inverse,
        names,
        f"{len(names)} classes: {_listed(names, counts)}",
        doubt,
    )


def _advice(column: str, names: Sequence[str]) -> str:
    values = [name for name in names if _is_number(name)]
    if values:
        return (
            f"Its first line holds values such as {values[0]!r} rather than names: write the columns' names above it."
        )
    return did_you_mean(column, names)


def _evaluate(expression: Expression, table: pa.Table) -> Values:
    """The label of each row, shape [rows], calculated in float32 as the pipeline does; text as objects."""
    columns = {name: _values(table.column(name), as_it_is=expression.is_column) for name in expression.columns}
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(expression.evaluate(columns))
    except TypeError as error:
        raise UsageError(f"--label {expression.text!r} cannot be computed: {error}. Is a column of it text?") from None
    value = np.broadcast_to(value, table.num_rows)
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise UsageError(f"--label {expression.text!r} is no number in some row. Does it divide by zero there?")
    return value


def _values(column: pa.ChunkedArray, *, as_it_is: bool) -> Values:
    if pa.types.is_binary(column.type):
        texts = [value.decode("utf-8", "backslashreplace") for value in column.to_pylist()]
        return np.array(texts, dtype=object)
    values: Values = column.to_numpy()
    return values if as_it_is else values.astype(np.float32)


def _refuse_constant(expression: Expression, values: Values) -> None:
    what = f"every row has the same, {_name(values[0])!r}" if len(values) else "no row has a value"
    raise UsageError(f"--label {expression.text!r} cannot be learned: {what}. Name a column that varies.")


def _problem(expression: Expression, values: Values, counts: Values) -> tuple[str, str]:
    """The problem that the values say, and the other reading of them."""
    if len(values) == 2:  # noqa: PLR2004  # yes or no
        return "binary", ""
    if not _are_numbers(values):
        return "multiclass", ""
    if values.dtype.kind not in "iu":
        return "regression", ""
    if len(values) > MOST_CLASSES_OF_INTEGERS:
        return "regression", ""
    few = int((counts < ENOUGH_OF_A_CLASS).sum())
    if few:
        doubt = f"has {len(values)} whole numbers, {few} of them in under {ENOUGH_OF_A_CLASS} rows: read as a quantity"
        return "regression", f"{expression.text} {doubt}; --problem multiclass reads it as classes"
    doubt = f"has {len(values)} whole numbers: read as classes; --problem regression reads it as a quantity"
    return "multiclass", f"{expression.text} {doubt}"


def _check_problem(expression: Expression, problem: str, values: Values) -> None:
    if problem == "regression" and not _are_numbers(values):
        raise UsageError(
            f"--label {expression.text!r} is text, and regression needs a number. Try --problem multiclass."
        )
    if problem == "binary" and len(values) > 2:  # noqa: PLR2004  # yes or no
        raise UsageError(
            f"--label {expression.text!r} has {len(values):,} different values, and binary needs two. Try --problem "
            f"multiclass, or a condition such as --label '{_example(expression, values)}'."
        )
    if problem == "multiclass" and len(values) > MOST_CLASSES:
        other = "--problem regression" if _are_numbers(values) else "another column"
        raise UsageError(
            f"--label {expression.text!r} has {len(values):,} different values, and at most {MOST_CLASSES} classes are "
            f"learned. Try {other}, or a condition such as --label '{_example(expression, values)}'."
        )


def _binary(expression: Expression, values: Values, inverse: Values, counts: Values) -> Label:
    positive = _positive(values, counts)
    is_positive = (inverse == positive).astype(np.int64)
    names = (_name(values[1 - positive]), _name(values[positive]))
    text = expression.text if _is_zero_and_one(values) else f"{_bracketed(expression)} == {_literal(values[positive])}"
    rows = int(is_positive.sum())
    what = f"yes is {names[1]} ({rows:,} of {len(is_positive):,} rows), no is {names[0]}"
    return Label(text, expression.columns, "binary", is_positive, names, what)


def _positive(values: Values, counts: Values) -> int:
    """Which of two values is yes: 1, true or a word that says so; else the rarer one."""
    if _is_zero_and_one(values):
        return 1
    said = [_name(value).strip().lower() in POSITIVE for value in values]
    return said.index(True) if sum(said) == 1 else int(counts[1] <= counts[0])


def _is_zero_and_one(values: Values) -> bool:
    return _are_numbers(values) and values.tolist() == [0, 1]


def _are_numbers(values: Values) -> bool:
    return values.dtype.kind in "biuf"


def _name(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return np.format_float_positional(value) if isinstance(value, np.floating) else str(value)


def _bracketed(expression: Expression) -> str:
    return expression.text if expression.is_column else f"({expression.text})"


def _example(expression: Expression, values: Values) -> str:
    middle = values[len(values) // 2]
    return f"{_bracketed(expression)} {'>=' if _are_numbers(values) else '=='} {_literal(middle)}"


def _listed(names: Sequence[str], counts: Values) -> str:
    told = [f"{name} ({count:,})" for name, count in zip(names[:NAMED], counts, strict=False)]
    return ", ".join(told) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
