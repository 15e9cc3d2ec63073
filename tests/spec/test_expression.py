from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.spec.condition_values import ConditionError
from pipeline.spec.expression import is_true, parse

CALM = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
INPUTS = {
    "inputs": {
        "parameter_values": {"n": 3, "x": 0.5, "s": "yes", "b": True, "l": [1, 2], "j": '{"a": [5]}'},
        "artifacts": {"m": {"artifacts": [{"uri": "minio://x", "metadata": {"score": 0.7}}]}},
    }
}
NUMBERS = st.integers(-1000, 1000) | st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 3))
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, bool]:
    """A comparison of two numbers or two texts in CEL, and its value as Python has it."""
    values = draw(st.tuples(NUMBERS, NUMBERS) | st.tuples(st.text(), st.text()))
    sign = draw(st.sampled_from(COMPARISONS))
    holds = {
        "==": values[0] == values[1],
        "!=": values[0] != values[1],
        "<": values[0] < values[1],  # type: ignore[operator]
        "<=": values[0] <= values[1],  # type: ignore[operator]
        ">": values[0] > values[1],  # type: ignore[operator]
        ">=": values[0] >= values[1],  # type: ignore[operator]
    }[sign]
    return f"{_literal(values[0])} {sign} {_literal(values[1])}", holds


def conditions() -> st.SearchStrategy[tuple[str, bool]]:
    """Conditions of comparisons joined by !, && and ||, fully in brackets, and their values."""
    return st.recursive(
        comparisons(),
        lambda inner: st.one_of(
            inner.map(lambda one: (f"!({one[0]})", not one[1])),
            st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) && ({two[1][0]})", two[0][1] and two[1][1])),
            st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) || ({two[1][0]})", two[0][1] or two[1][1])),
        ),
        max_leaves=8,
    )


def _literal(value: Any) -> str:
    """A value as CEL writes it; JSON's escapes of texts are among CEL's."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


@CALM
@given(condition=conditions())
def test_a_condition_has_the_value_that_its_parts_give_it(condition: tuple[str, bool]) -> None:
    """Whatever comparisons are joined, the value is that of Python's own operators."""
    assert is_true(condition[0], {}) is condition[1]


@CALM
@given(text=st.text("&|!=<>()[]'\".,+-inputs 019true", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the parser raise anything but its own error."""
    with suppress(ConditionError):
        parse(text)(INPUTS)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("int(inputs.parameter_values['n']) > 2", True),
        ("int(inputs.parameter_values['n']) == 3.0", True),
        ("double(inputs.parameter_values['n']) < 3.5", True),
        ("inputs.parameter_values['s'] == 'yes'", True),
        ('!(inputs.parameter_values["s"] == "yes")', False),
        ("inputs.parameter_values['b'] == true", True),
        ("inputs.parameter_values['n'] == 1 || inputs.parameter_values['x'] <= 0.5", True),
        ("false && inputs.parameter_values['nope'] == 1", False),
        ("inputs.parameter_values['nope'] == 1 && false", False),
        ("inputs.parameter_values['nope'] == 1 || true", True),
        ("1 in inputs.parameter_values['l'] && size(inputs.parameter_values['l']) == 2", True),
        ("parseJson(inputs.parameter_values['j']).a[0] == 5", True),
        ("(inputs.artifacts['m'].artifacts[0].metadata['score'] > 0.5)", True),
        ("inputs.artifacts['m'].artifacts[0].uri == ('minio:' + '//x')", True),
        ("'1' == 1", False),
        ("true == 1", False),
        ("-1 < -0.5 && 'a' < 'b'", True),
        ("true || false && false", True),
        (r"'it\'s' == \"it's\"".replace('\\"', '"'), True),
    ],
)
def test_the_conditions_of_kfp_and_tfx(condition: str, holds: bool) -> None:  # noqa: FBT001  # pytest's way
    """What kfp's and TFX's compilers emit has the value that CEL gives it, errors hidden by a deciding side."""
    assert is_true(condition, INPUTS) is holds


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("", "cannot be read at 'its end'"),
        ("1 <", "cannot be read at 'its end'"),
        ("1 < 2 < 3", "cannot be read at '<'"),
        ("a ? b : c", "cannot be read at '? b : c'"),
        ("has(inputs.x)", "cannot be read at 'has('"),
        ("inputs.all(x, x)", "cannot be read at '('"),
        ("1 + 'a' == 2", "has no value"),
        ("inputs.parameter_values['s'] > 1", "only two numbers or two texts have an order"),
        ("inputs.parameter_values['nope'] == 1", "there is no 'nope' among n, x, s, b, l, j"),
        ("inputs.parameter_values['l'][2] == 1", "there is no 2 among 2 items"),
        ("inputs.parameter_values['n'] && true", "3 is neither true nor false"),
        ("int('x') == 1", "int('x') has no value"),
        ("inputs.parameter_values['n']", "which is neither true nor false"),
        ("parseJson('{') == 1", "has no value"),
        ("'a\\x' == 'b'", "cannot be read"),
    ],
)
def test_what_has_no_value_is_told(condition: str, told: str) -> None:
    """Beyond the part that is known, or without a value, a condition is refused with a sentence."""
    with pytest.raises(ConditionError) as caught:
        is_true(condition, INPUTS)
    assert told in str(caught.value)
