"""Label expressions such as `tips > 0.2 * fare`: Python's syntax, a small legal part of it, and never `eval`.

Legal are column names, numbers, strings, `+ - * / % **`, comparisons (chained ones too), `and`, `or`, `not` and
brackets. A column whose name is no Python identifier stands in backticks, as pandas' `query` has it:
`` `mean radius` > 3 ``. A parsed expression is evaluated on whatever carries the operators: numbers, NumPy arrays or
tensors.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from schema.errors import UsageError

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
BOOLEAN: dict[type[ast.boolop], Callable[[Any, Any], Any]] = {ast.And: operator.and_, ast.Or: operator.or_}
MAX_LENGTH = 1000
LEGAL = (
    "column names (`in backticks` where they have spaces or signs), numbers, strings, + - * / % **, comparisons, "
    "and, or, not, brackets"
)
STRING_OR_QUOTED_NAME = re.compile(
    r"""'{3}.*?'{3}|"{3}.*?"{3}|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?P<name>[^`]+)`""", re.DOTALL
)


def quoted(column: str) -> str:
    """Returns a column's name as it stands in an expression: in backticks, where it is no identifier.

    Raises:
      UsageError: the name itself has a backtick.
    """
    if column.isidentifier() and not keyword.iskeyword(column) and column == unicodedata.normalize("NFKC", column):
        return column
    if "`" in column:
        raise UsageError(f"The column {column!r} has a backtick in its name, and cannot be a label. Rename it.")
    return f"`{column}`"


@dataclass(frozen=True)
class Expression:
    """A parsed label expression over the columns of one table."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > MAX_LENGTH:
            raise UsageError(f"The label expression is {len(self.text)} characters long; {MAX_LENGTH} are legal.")
        if not self.columns:
            raise UsageError(f"The label expression {self.text!r} names no column. Legal: {LEGAL}.")
        for node in ast.walk(self._tree()):
            _refuse_illegal(node, self.text)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, in the order of their first use."""
        names = (node for node in ast.walk(self._tree()) if isinstance(node, ast.Name))
        ordered = sorted(names, key=lambda name: (name.lineno, name.col_offset))
        return tuple(dict.fromkeys(self._columns_by_name.get(name.id, name.id) for name in ordered))

    @property
    def is_column(self) -> bool:
        """Whether it is nothing but the name of a column."""
        return isinstance(self._tree(), ast.Name)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Returns its value, where `values` holds one number, array or tensor for each of `columns`."""
        named = {name: values[column] for name, column in self._columns_by_name.items()}
        return _evaluate(self._tree(), {**values, **named})

    @cached_property
    def _quoted(self) -> tuple[str, ...]:
        """The names that stand in backticks, each once."""
        found = (match["name"] for match in STRING_OR_QUOTED_NAME.finditer(self.text))
        return tuple(dict.fromkeys(name for name in found if name))

    @cached_property
    def _columns_by_name(self) -> dict[str, str]:
        """The column behind each identifier that takes the place of one in backticks; the text uses none of them."""
        stem = "_"
        while stem in self.text:
            stem += "_"
        return {f"c{stem}{number}": column for number, column in enumerate(self._quoted)}

    def _as_python(self) -> str:
        """The text with an identifier for each name in backticks."""
        names = {column: name for name, column in self._columns_by_name.items()}
        return STRING_OR_QUOTED_NAME.sub(
            lambda match: f" {names[match['name']]} " if match["name"] else match[0], self.text
        ).strip()

    def _tree(self) -> ast.expr:
        try:
            with warnings.catch_warnings(action="ignore"):
                return ast.parse(self._as_python(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise UsageError(f"The label expression {self.text!r} does not parse: {error}. Legal: {LEGAL}.") from None


def _refuse_illegal(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Constant):
        legal = isinstance(node.value, int | float | str)
    elif isinstance(node, ast.UnaryOp):
        legal = isinstance(node.op, ast.USub | ast.Not)
    elif isinstance(node, ast.operator):
        legal = type(node) in BINARY
    elif isinstance(node, ast.cmpop):
        legal = type(node) in COMPARE
    else:
        legal = isinstance(node, ast.Name | ast.Load | ast.BinOp | ast.Compare | ast.BoolOp | ast.boolop | ast.unaryop)
    if not legal:
        raise UsageError(
            f"The label expression {text!r} uses {type(node).__name__}, which is not allowed there. Legal: {LEGAL}."
        )


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:  # noqa: PLR0911  # one for each kind of node
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return values[node.id]
        case ast.UnaryOp(op=ast.Not()):
            return _not(_evaluate(node.operand, values))
        case ast.UnaryOp():
            return operator.neg(_evaluate(node.operand, values))
        case ast.BinOp():
            return BINARY[type(node.op)](_evaluate(node.left, values), _evaluate(node.right, values))
        case ast.BoolOp():
            return reduce(BOOLEAN[type(node.op)], (_evaluate(value, values) for value in node.values))
        case ast.Compare():
            return _evaluate_comparison(node, values)
        case _:
            raise AssertionError(f"{type(node).__name__} passed the check of legal syntax")


def _not(value: Any) -> Any:
    return not value if isinstance(value, bool) else operator.invert(value)


def _evaluate_comparison(node: ast.Compare, values: Mapping[str, Any]) -> Any:
    operands = [_evaluate(operand, values) for operand in (node.left, *node.comparators)]
    links = (COMPARE[type(op)](left, right) for op, left, right in zip(node.ops, operands, operands[1:], strict=False))
    return reduce(operator.and_, links)
