from __future__ import annotations

from datetime import UTC
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.inference import kind_of, merge, type_of
from components.source_options import NUMBER
from components.values import convert, without_value
from schema.numbers import integer_of, number_of
from tests.components.tables import REAL_TIME

NUMERALS = st.one_of(
    st.integers(-(2**64), 2**64).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers(-1000, 1000).map(lambda whole: f"{whole}.0"),
    st.dates().map(lambda day: day.isoformat()),
    st.datetimes(timezones=st.none() | st.just(UTC)).map(lambda time: time.isoformat()),
    st.sampled_from(["true", "False", " 7 ", "+7", "7.", ".5", "1e3", "nan", "inf", "1_000", "0x10", "\xa07", "", "x"]),
)


def converted(values: list[Any], wanted: str) -> tuple[list[Any], list[int]]:
    """Returns a column of text as its type has it, and the indices of what does not fit."""
    batch, reasons = convert(pa.RecordBatch.from_pydict({"a": pa.array(values, pa.string())}), {"a": wanted})
    return batch.column(0).to_pylist(), sorted(reasons)


@given(values=st.lists(NUMERALS, min_size=1, max_size=8), wanted=st.sampled_from(["INT", "FLOAT", NUMBER]))
@REAL_TIME
def test_a_value_is_read_alike_in_whatever_batch_it_comes(values: list[str], wanted: str) -> None:
    """What is quick, for all values at once, and what is slow, value by value, come to the same."""
    together, bad = converted(values, wanted)
    apart = [converted([value], wanted) for value in values]
    assert repr(together) == repr([one for ((one,), _) in apart])
    assert bad == [index for index, (_, reasons) in enumerate(apart) if reasons]


@given(value=NUMERALS.filter(bool))
@REAL_TIME
def test_training_reads_numbers_as_serving_does(value: str) -> None:
    """A column of one text is the number that `schema.numbers`, by which requests are read, says it is."""
    (number,), bad = converted([value], "INT")
    said = integer_of(value)
    fits = said is not None and -(2**63) <= said < 2**63
    assert (number, bad) == ((said, []) if fits else (None, [0]))
    (real,), not_real = converted([value], "FLOAT")
    told = number_of(value)
    if told is None or abs(told) > 3.4028235e38:
        assert not_real == [0]
    else:
        assert (repr(real), not_real) == (repr(told), [])


@pytest.mark.parametrize(
    ("text", "wanted", "value"),
    [
        ("3.0", "INT", 3),
        ("true", "INT", 1),
        ("False", "FLOAT", 0.0),
        ("1970-01-02", "INT", 86400),
        ("1970-01-02T00:00:01Z", "INT", 86401),
        ("1970-01-02 01:00:00+01:00", "FLOAT", 86400.0),
        (str(2**63 - 1), "INT", 2**63 - 1),
        (" 7 ", "INT", 7),
        (" 7 ", "BYTES", " 7 "),
    ],
)
def test_a_text_is_read_as_its_type(text: str, wanted: str, value: object) -> None:
    """Whole floats, booleans and dates are integers; text is kept with its spaces."""
    assert converted([text], wanted) == ([value], [])


@pytest.mark.parametrize("text", ["x", "1.5", str(2**63), "nan", "inf", "1_000", "2016-13-01"])
def test_a_text_that_is_no_integer_is_found(text: str) -> None:
    """Beside good values, the index of the bad one is told, and no value is made up for it."""
    assert converted(["1", text, None, ""], "INT") == ([1, None, None, None], [1])


@pytest.mark.parametrize("text", ["x", "inf", "-Infinity", "1e39", "1e400"])
def test_a_text_that_is_no_finite_number_is_found(text: str) -> None:
    """What a tf.Example's float32 cannot hold is no number."""
    assert converted(["1.5", text], "FLOAT") == ([1.5, None], [1])


def test_a_long_value_is_cut_in_its_reason() -> None:
    """A reason fits a line."""
    _, reasons = convert(pa.RecordBatch.from_pydict({"a": ["x" * 1000]}), {"a": "INT"})
    assert reasons[0] == f"'a' holds '{'x' * 60}…', where the schema or the column's role wants an integer"


def test_the_first_reason_of_a_row_is_told() -> None:
    """A row with two bad values is one bad row."""
    _, reasons = convert(pa.RecordBatch.from_pydict({"a": ["x"], "b": ["y"]}), {"a": "INT", "b": "INT"})
    assert list(reasons) == [0]
    assert reasons[0].startswith("'a'")


def test_rows_without_a_value_that_must_be_there_are_found() -> None:
    """Null, NaN and an absent column are no value."""
    batch = pa.RecordBatch.from_pydict({"a": [1.0, None, float("nan")], "b": [1, 2, 3]})
    assert sorted(without_value(batch, ("a",))) == [1, 2]
    assert sorted(without_value(batch, ("b", "c"))) == [0, 1, 2]
    assert without_value(batch, ()) == {}


def kind(values: list[Any], wanted: str = "", *, is_typed: bool = False) -> str:
    """Returns the kind of a column."""
    return kind_of(pa.array(values), wanted, is_typed=is_typed)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "", None], "INT"),
        (["1", "1.5"], "FLOAT"),
        (["true", "FALSE"], "BOOLEAN"),
        (["2016-01-01", "2016-01-02T10:00:00"], "DATE"),
        (["true", "1"], "BYTES"),
        (["2016-01-01", "x"], "BYTES"),
        (["0x1f", "0x2e"], "BYTES"),
        (["", None], ""),
        ([b"x", None], "BYTES"),
        ([1, None], "INT"),
        ([True], "INT"),
        ([0.5], "FLOAT"),
        ([None], ""),
    ],
)
def test_the_kind_of_a_column_is_what_all_its_values_are(values: list[Any], expected: str) -> None:
    """Text of an untyped format is what it looks like."""
    assert kind(values) == expected


def test_text_of_a_typed_format_is_text() -> None:
    """A JSON "007" is no number, unless a role wants one."""
    assert kind(["007"], is_typed=True) == "BYTES"
    assert kind(["007"], NUMBER, is_typed=True) == "INT"


@pytest.mark.parametrize(
    ("values", "expected"), [(["1", "x"], "INT"), (["1.5", "x"], "FLOAT"), (["x"], "INT"), (["2.0", "y"], "INT")]
)
def test_a_number_that_is_wanted_is_one_beside_what_is_none(values: list[str], expected: str) -> None:
    """The kind is that of the values that are numbers; the others will be found as bad."""
    assert kind(values, NUMBER) == expected


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("INT", ""), "INT"),
        (("INT", "FLOAT"), "FLOAT"),
        (("BOOLEAN", "BOOLEAN"), "BOOLEAN"),
        (("BOOLEAN", "INT"), "BYTES"),
        (("DATE", "", "FLOAT"), "BYTES"),
        (("BYTES", "INT"), "BYTES"),
        (("", ""), ""),
    ],
)
def test_the_kind_over_all_parts_is_the_one_that_holds_them(kinds: tuple[str, ...], expected: str) -> None:
    """Integers and floats are floats, anything else that differs is text, in whatever order."""
    for parts in (kinds, kinds[::-1]):
        assert merge([{"a": one} for one in parts]) == {"a": expected}


WORDS = st.sampled_from(["1", "2.0", "1.5", "true", "False", "2016-01-01", "x", "", "9" * 30])


@given(values=st.lists(WORDS, min_size=1, max_size=8), cut=st.integers(0, 8), wanted=st.sampled_from(["", NUMBER]))
@REAL_TIME
def test_the_type_does_not_depend_on_where_a_batch_ends(values: list[str], cut: int, wanted: str) -> None:
    """A column in two batches has the type that it has in one."""
    parts = [part for part in (values[:cut], values[cut:]) if part]
    in_parts = merge([{"a": kind(part, wanted)} for part in parts])["a"]
    assert type_of(in_parts, wanted) == type_of(kind(values, wanted), wanted)


@pytest.mark.parametrize(("wanted", "expected"), [("", "BYTES"), (NUMBER, "FLOAT")])
def test_a_column_without_a_value_has_a_type_too(wanted: str, expected: str) -> None:
    """Text, or a number where a role wants one."""
    assert type_of("", wanted) == expected
