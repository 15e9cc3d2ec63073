from __future__ import annotations

import numpy as np
import pytest

from schema.errors import RowRefused
from serving.checked import answers_of, check_rows, kinds_of
from serving.rows import NoRow, Row


def length(row: Row) -> int:
    """A check that lets rows with an even number of columns pass."""
    if len(row) % 2:
        raise RowRefused("odd")
    return len(row)


def test_rows_are_numbered_from_the_first() -> None:
    """What passes is as the check returns it; what does not, and what is no row, is told by its number."""
    passed, odd, none = check_rows(length, [{}, {"a": 1}, NoRow("line 4: not JSON")], first=2)
    assert passed == 0
    assert isinstance(odd, RowRefused)
    assert (str(odd), str(none)) == ("row 3: odd", "row 4: line 4: not JSON")


def test_outputs_become_plain_answers() -> None:
    """Numbers, texts and lists by row, the names in order; what is no UTF-8 is U+FFFD."""
    outputs = {
        "p": np.array([[0.5, 0.25], [1, 0]], np.float32),
        "c": np.array([[b"a", b"\xc5\xa1"], [b"", b"\xff"]], object),
        "l": np.array([1, 2], np.int64),
    }
    answers = list(answers_of(outputs))
    assert answers == [
        {"c": ["a", "š"], "l": 1, "p": [0.5, 0.25]},
        {"c": ["", "\ufffd"], "l": 2, "p": [1.0, 0.0]},
    ]
    assert list(answers[0]) == ["c", "l", "p"]


@pytest.mark.parametrize(
    ("dtype", "kind"), [("string", "BYTES"), ("int64", "INT"), ("float64", "NUMBER"), ("float32", "FLOAT")]
)
def test_types_have_kinds(dtype: str, kind: str) -> None:
    """Each type of a signature's input is one of the four kinds of a column."""
    assert kinds_of({"x": dtype}) == {"x": kind}
