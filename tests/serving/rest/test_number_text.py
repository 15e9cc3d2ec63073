"""Floating-point numbers, written as upstream writes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.server.rest.number_text import text, texts


@pytest.mark.parametrize(
    ("number", "float_text", "double_text"),
    [
        (0.0, "0.0", "0.0"),
        (-0.0, "-0.0", "-0.0"),
        (2.5, "2.5", "2.5"),
        (0.2, "0.2", "0.2"),
        (1 / 3, "0.333333343", "0.33333333333333331"),
        (9_000_000.0, "9e+06", "9e+06"),
        (0.00003, "3e-05", "3e-05"),
        (1_234_567.0, "1234567.0", "1234567.0"),
        (123_456.0, "123456.0", "123456.0"),
        (16_777_217.0, "16777216.0", "16777217.0"),
        (1e30, "1e+30", "1e+30"),
        (math.nan, "NaN", "NaN"),
        (math.inf, "Infinity", "Infinity"),
        (-math.inf, "-Infinity", "-Infinity"),
    ],
)
def test_how_numbers_are_written(number: float, float_text: str, double_text: str) -> None:
    """Six digits where they suffice, else nine or seventeen; whole numbers have a `.0`."""
    assert texts(np.array([number], np.float32)) == [float_text]
    assert texts(np.array([number], np.float64)) == [double_text]


def by_the_rule(number: np.floating, digits: int) -> str:
    """One number by the rule, without arrays."""
    if not np.isfinite(number):
        return "NaN" if np.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    short = f"{float(number):.6g}"
    best = short if type(number)(float(short)) == number else f"{float(number):.{digits}g}"
    return best if "." in best or "e" in best else best + ".0"


@given(st.lists(st.floats(width=32)))
def test_floats_round_trip(numbers: list[float]) -> None:
    """What is written of any float32 numbers is by the rule, and reads as the same numbers."""
    array = np.array(numbers, np.float32)
    written = texts(array)
    assert written == [by_the_rule(number, 9) for number in array]
    np.testing.assert_array_equal(np.array(list(map(float, written)), np.float32), array)


@given(st.lists(st.floats()))
def test_doubles_round_trip(numbers: list[float]) -> None:
    """What is written of any float64 numbers is by the rule, and reads as the same numbers."""
    array = np.array(numbers, np.float64)
    written = texts(array)
    assert written == [by_the_rule(number, 17) for number in array]
    np.testing.assert_array_equal(np.array(list(map(float, written))), array)


def test_messages_write_a_number_as_a_float_where_it_is_one() -> None:
    """A number of a request is repeated as float32 in its range, else as float64."""
    assert [text(number) for number in (0.1, 1 / 3, 1e39, math.inf)] == ["0.1", "0.333333343", "1e+39", "Infinity"]
