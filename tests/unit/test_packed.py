from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.packed import LONG, MARK, pack, unpack
from schema.errors import UsageError


@given(st.text() | st.text().map(MARK.__add__) | st.text(min_size=1).map(lambda text: text * (LONG + 1)))
def test_a_text_is_unpacked_as_it_was(text: str) -> None:
    """Whatever its length, and whatever it begins with."""
    assert unpack(pack(text)) == text


def test_a_short_text_stays_readable() -> None:
    """Most of a pipeline's properties are for people to read."""
    assert pack("x" * LONG) == "x" * LONG


def test_a_wide_schema_gets_short() -> None:
    """A hundred kilobytes of columns become a few, without a brace or a quote for others to take for their own."""
    packed = pack("".join(f'feature {{\n  name: "column_{number}"\n  type: FLOAT\n}}\n' for number in range(2000)))
    assert len(packed) < 16_000
    assert packed.isascii()
    assert not set("{}\"'$\\\n") & set(packed)


@pytest.mark.parametrize("text", ["packed:", "packed:no base64!", "packed:bm8gemxpYg==", "packed:eJw"])
def test_what_is_no_packed_text_is_refused(text: str) -> None:
    """A run's own parameter may begin so by chance."""
    with pytest.raises(UsageError, match="is no packed text"):
        unpack(text)
