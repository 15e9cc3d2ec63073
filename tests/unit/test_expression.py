from __future__ import annotations

import keyword
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import UsageError
from schema.expression import Expression, quoted

COLUMNS = ("a", "b", "c")
ROWS = st.fixed_dictionaries({name: st.integers(1, 100) for name in COLUMNS})
TABLES = st.lists(ROWS, min_size=1, max_size=8)
DIVISORS = st.sampled_from(COLUMNS) | st.integers(1, 9).map(str)
LEAVES = st.sampled_from(COLUMNS) | st.integers(0, 99).map(str) | st.sampled_from(["0.5", "2.25"])


def _grow_number(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Operators over smaller expressions, in brackets or not, so that precedence is tried; nothing divides by zero."""
    return st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from("+-*"), inner),
        st.builds("{} {} {}".format, inner, st.sampled_from("/%"), DIVISORS),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("{} ** 2".format, st.sampled_from(COLUMNS)),
    )


NUMBERS = st.recursive(LEAVES, _grow_number, max_leaves=8)
COMPARISONS = st.builds(
    "{} {} {}".format, NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS
) | st.builds("{} < {} <= {}".format, NUMBERS, NUMBERS, NUMBERS)


def _grow_condition(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("not {}".format, inner),
        st.builds("({})".format, inner),
    )


CONDITIONS = st.recursive(COMPARISONS, _grow_condition, max_leaves=5)


def _python(text: str, row: dict[str, int]) -> Any:
    """What Python itself makes of an expression that a strategy above built."""
    return eval(text, {}, dict(row))  # noqa: S307  # the peer that ours is held against; no text from outside


@given(text=NUMBERS | COMPARISONS, row=ROWS)
def test_arithmetic_and_comparisons_are_those_of_python(text: str, row: dict[str, int]) -> None:
    """Arithmetic and comparisons give the value, and have the precedence, that Python gives them."""
    text = f"({text}) + 0 * a"  # an expression names a column
    assert Expression(text).evaluate(row) == _python(text, row)


@given(text=CONDITIONS, rows=TABLES)
def test_conditions_on_arrays_are_those_of_python_row_by_row(text: str, rows: list[dict[str, int]]) -> None:
    """`and`, `or` and `not` on whole columns give, row by row, what Python gives for each row alone."""
    columns = {name: np.array([row[name] for row in rows]) for name in COLUMNS}
    result = np.broadcast_to(Expression(f"({text}) and a > 0").evaluate(columns), len(rows))
    assert result.tolist() == [_python(text, row) for row in rows]


@given(text=st.text() | st.text(alphabet="abc 0123456789.+-*/%<>=!()'\"`[]{}:,@~#\\\n\tnotandrif", max_size=40))
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Whatever is written as a label either becomes an expression or a UsageError, and nothing else is raised."""
    try:
        columns = Expression(text).columns
    except UsageError:
        return
    assert all((name.isidentifier() and not keyword.iskeyword(name)) or f"`{name}`" in text for name in columns)


NAMES = st.text(st.characters(exclude_characters="`", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(name=NAMES | st.sampled_from(["class", "True", "mean radius", "sepal length (cm)", "it's", '"', "c_0", "ﬁ"]))
def test_a_column_of_any_name_can_stand_in_an_expression(name: str) -> None:
    """`quoted` gives a name in the form in which an expression reads it, alone and beside an operator."""
    assert Expression(quoted(name)).columns == (name,)
    assert Expression(quoted(name)).is_column
    assert Expression(f"{quoted(name)} > 2").evaluate({name: 3}) is True


def test_a_name_with_a_backtick_is_refused() -> None:
    """A backtick within backticks would end the name: the message asks for another one."""
    with pytest.raises(UsageError, match="backtick in its name"):
        quoted("a`b")


@pytest.mark.parametrize("name", ["tips", "_x", "größe"])
def test_an_identifier_needs_no_backticks(name: str) -> None:
    """A name of letters, digits and _ stands as it is."""
    assert quoted(name) == name


def test_a_backtick_within_a_string_is_a_character() -> None:
    """What stands in quotes is text, though it looks like a name in backticks."""
    assert Expression("a == '`b`'").columns == ("a",)
    assert Expression('a == "it\'s `b`"').evaluate({"a": "it's `b`"}) is True


def test_names_with_and_without_backticks_meet_in_one_expression() -> None:
    """The columns come in the order of their use, each once, in whichever form they stand."""
    expression = Expression("`b c` > 2 * a and `a` < `b c` + c_0 and 'x`' != d")
    assert expression.columns == ("b c", "a", "c_0", "d")
    assert expression.evaluate({"b c": 5, "a": 2, "c_0": 0, "d": "y"}) is True


@pytest.mark.parametrize("text", ["``", "`a", "a`b`", "`a` `b`", "`a`b", "f`a`", "`a`.b", "`a`(1)"])
def test_misplaced_backticks_are_refused(text: str) -> None:
    """A backtick that names no column by itself is refused with the whole text."""
    with pytest.raises(UsageError, match="label expression"):
        Expression(text)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("tips > 0.2 * fare", ("tips", "fare")),
        ("fare * 0.2 < tips", ("fare", "tips")),
        ("c + a * (b - a)", ("c", "a", "b")),
        ("1 < b and not (a == 'x' or c != 2)", ("b", "a", "c")),
        ("churned", ("churned",)),
    ],
)
def test_columns_come_in_order_of_first_use(text: str, columns: tuple[str, ...]) -> None:
    """The columns that an expression reads are named once each, in the order in which a reader meets them."""
    assert Expression(text).columns == columns


@pytest.mark.parametrize("text", ["tips", "  tips ", "(tips)"])
def test_a_lone_name_is_a_column(text: str) -> None:
    """An expression that is only a name is that column, unchanged."""
    assert Expression(text).is_column


@pytest.mark.parametrize("text", ["-tips", "tips + 0", "tips > fare", "1 + tips"])
def test_anything_else_is_no_column(text: str) -> None:
    """An expression that does something to a column is not that column."""
    assert not Expression(text).is_column


def test_a_chained_comparison_holds_where_every_link_holds() -> None:
    """`0 < a < b` is true of the rows where both comparisons are."""
    values = {"a": np.array([-1, 1, 5]), "b": np.array([3, 3, 3])}
    assert Expression("0 < a < b").evaluate(values).tolist() == [False, True, False]


def test_not_turns_a_condition_over() -> None:
    """`not` is true of exactly the rows of which its condition is false."""
    assert Expression("not a > 1").evaluate({"a": np.array([0, 1, 2])}).tolist() == [True, True, False]


def test_text_is_compared_with_strings() -> None:
    """A column of text can be compared with a string, in single or in double quotes."""
    values = {"payment": np.array(["Cash", "Card", "Cash"], dtype=object)}
    for text in ("payment == 'Cash'", 'payment == "Cash"'):
        assert Expression(text).evaluate(values).tolist() == [True, False, True]


def test_a_column_may_be_named_as_a_builtin() -> None:
    """A name is only ever a column, whatever Python's builtins are called."""
    assert Expression("open > max").evaluate({"open": 2, "max": 1}) is True


@pytest.mark.parametrize(
    "text",
    [
        "abs(a)",
        "__import__('os')",
        "__import__('os').system('true')",
        "a.real",
        "a[0]",
        "lambda: a",
        "(a := 1)",
        "[x for x in a]",
        "[a, b]",
        "(a, b)",
        "{a: b}",
        "{a}",
        "f'{a}'",
        "a if b else c",
        "a // b",
        "a @ b",
        "a & b",
        "a | b",
        "a ^ b",
        "a << b",
        "~a",
        "+a",
        "a is b",
        "a in b",
        "a not in b",
        "1j",
        "b'x'",
        "None",
        "...",
        "*a",
        "await a",
        "(yield)",
        "a = b",
        "a; b",
        "import os",
        "",
        "  ",
        "a >",
        "(a",
        "a b",
        "'a",
        "a\0",
    ],
)
def test_all_else_is_refused_with_what_is_legal(text: str) -> None:
    """Whatever is no column, number, string, operator or comparison is refused, and the message says what is legal."""
    with pytest.raises(UsageError) as caught:
        Expression(text)
    message = str(caught.value)
    assert repr(text) in message
    assert "Legal: column names (`in backticks` where they have spaces or signs), numbers, strings, + - *" in message


def test_a_missing_column_is_a_key_error() -> None:
    """Values that lack a column of the expression are the caller's mistake, and name that column."""
    with pytest.raises(KeyError, match="b"):
        Expression("a + b").evaluate({"a": 1})
