"""The fast way from JSON values to arrays, against the thorough one."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.server.rest import columns, dense
from serving.server.status import StatusError

SCALARS = (
    st.integers(-3, 300) | st.integers() | st.floats() | st.booleans() | st.text() | st.none() | st.just({"b64": "/w"})
)
REGULAR = st.tuples(SCALARS, st.lists(st.integers(0, 3), max_size=3))
RAGGED = st.lists(st.recursive(SCALARS, st.lists, max_leaves=6))


def nested(value: Any, shape: list[int]) -> Any:
    """Lists of a shape, of one value."""
    for size in shape:
        value = [value] * size
    return value


@given(
    RAGGED | REGULAR.map(lambda pair: [nested(*pair)] * 2) | st.lists(st.sampled_from([1, 2.5, True, "x"])),
    st.sampled_from(list(columns.NAMES)),
)
def test_both_ways_agree(values: list[Any], dtype: int) -> None:
    """What the fast way takes, the thorough one takes too, as the same array; what it leaves is an error there."""
    with np.errstate(over="ignore"):
        fast = columns.array(values, dtype)
        if fast is None:
            with pytest.raises(StatusError):
                dense.array(values, dtype)
            return
        thorough = dense.array(values, dtype)
    assert (fast.dtype, fast.shape) == (thorough.dtype, thorough.shape)
    np.testing.assert_array_equal(fast, thorough)


@given(st.binary())
def test_base64_is_read_with_and_without_padding(content: bytes) -> None:
    """Any bytes come through, and white space among them does not matter."""
    text = dense.check_base64({"b64": _base64(content)})
    assert text == content
    assert dense.check_base64({"b64": _base64(content).rstrip("=")}) == content
    assert dense.check_base64({"b64": " " + "\n".join(_base64(content))}) == content


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


@pytest.mark.parametrize("text", ["!", "A", "AA=A", "=", "AA===", "ä", "A-_A"])
def test_what_is_no_base64(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(StatusError, match="Unable to base64 decode"):
        dense.check_base64({"b64": text})
