from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.names import identifier


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("fare", "fare"),
        ("mean radius", "mean_radius"),
        ("sepal length (cm)", "sepal_length__cm_"),
        ("od280/od315", "od280_od315"),
        ("größe", "gr__e"),
        ("1st", "arg_1st"),
        ("_x", "arg__x"),
    ],
)
def test_a_name_keeps_what_tensorflow_takes(column: str, name: str) -> None:
    """English letters, digits and _ stay; what begins with none of the first gets a prefix."""
    assert identifier(column) == name


@given(column=st.text(min_size=1))
def test_every_name_is_one_that_a_signature_takes(column: str) -> None:
    """Whatever a column is called, its name is a letter followed by letters, digits and _."""
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", identifier(column))
