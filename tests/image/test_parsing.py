"""The reading of Dockerfiles: what it understands, and that it refuses the rest rather than skip it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.image.dockerfile import Instruction, Unreadable, parse, substitute

EXAMPLE = """
# a comment
ARG BASE=debian:trixie-slim
FROM ${BASE} AS first
RUN one \\
    # a comment inside
    && two
FROM $BASE AS second
COPY --from=first --chmod=755 /a /b/ /c/
ENV A=1 \\
    B="two words"
CMD ["x", "--y"]
"""


def test_an_example_is_read() -> None:
    """Comments, lines that go on, arguments of FROM, flags, pairs and JSON forms are what Docker makes of them."""
    first, second = parse(EXAMPLE)
    assert (first.name, first.image, second.image) == ("first", "debian:trixie-slim", "debian:trixie-slim")
    assert first.instructions == [Instruction("RUN", "one  && two")]
    copied, told, command = second.instructions
    assert (copied.flags, copied.words) == ({"from": "first", "chmod": "755"}, ["/a", "/b/", "/c/"])
    assert told.pairs == {"A": "1", "B": "two words"}
    assert command.words == ["x", "--y"]


@pytest.mark.parametrize(
    "line",
    [
        "VOLUME /data",
        "ADD http://x /y",
        "RUN --mount=type=cache x",
        'RUN ["x"]',
        "RUN <<E",
        "COPY --link a b",
        "FROM x",
        "FROM --platform=y x AS z",
        "nonsense",
    ],
)
def test_what_is_not_understood_is_refused(line: str) -> None:
    """An instruction, a flag or a form that the runner could not do as Docker would is an error."""
    with pytest.raises(Unreadable):
        parse(f"FROM a AS b\n{line}\n")


@pytest.mark.parametrize("text", ["", "# nothing", "RUN x\nFROM a AS b"])
def test_no_stage_is_refused(text: str) -> None:
    """A file without FROM, or with instructions above it, is an error."""
    with pytest.raises(Unreadable):
        parse(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text ends in another error."""
    try:
        parse(text)
    except Unreadable:
        return


@pytest.mark.parametrize(("text", "expected"), [("$A/b", "1/b"), ("${A}b", "1b"), ("$Ab", ""), ("a", "a")])
def test_names_are_replaced(text: str, expected: str) -> None:
    """$NAME and ${NAME} become the value, or nothing."""
    assert substitute(text, {"A": "1"}) == expected
