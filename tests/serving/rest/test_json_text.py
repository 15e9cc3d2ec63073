"""JSON as rapidjson reads it, however it is written."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.server.rest.json_text import echo, parse, parse_slowly
from serving.server.status import StatusError

LEAST, MOST = -(1 << 63), (1 << 64) - 1
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(LEAST, MOST) | st.floats(allow_nan=False) | TEXTS
DOCUMENTS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20)
INDENTS = st.sampled_from([None, 1, "\t"])


@given(DOCUMENTS, INDENTS, st.booleans())
def test_both_parsers_read_what_python_reads(document: Any, indent: int | str | None, ascii_only: bool) -> None:  # noqa: FBT001  # hypothesis passes by position
    """Any document is read as Python reads it, by the fast way and by the thorough one."""
    body = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
    for read in (parse, parse_slowly):
        again = read(body)
        assert again == json.loads(body)
        assert json.dumps(again) == json.dumps(document)  # 1 is not True here, nor 1.0


@given(DOCUMENTS, st.binary(max_size=8))
def test_what_follows_a_document_is_not_looked_at(document: Any, garbage: bytes) -> None:
    """A container may have anything behind it."""
    assert parse(json.dumps([document]).encode() + garbage) == [document]


@given(st.binary() | st.text('{}[]":,\\u0123456789dDeE+-.NaInftruls \n').map(str.encode))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    """Arbitrary bytes are a document or a StatusError, the same by both ways; Python refuses what they refuse."""
    slow = _outcome(parse_slowly, body) if body else None
    assert body == b"" or _outcome(parse, body) == slow
    assert slow is not None or not _python_reads(body)


def _python_reads(body: bytes) -> bool:
    """Whether it is JSON to Python, which takes half of a surrogate pair and numbers without limit."""
    try:
        json.loads(body, parse_float=_finite, parse_int=_finite, parse_constant=str)
    except (ValueError, RecursionError):
        return False
    return b"\\ud" not in body.lower()


def _finite(number: str) -> float:
    """A number; 1e999, which is infinite to Python, is no JSON here."""
    if not math.isfinite(float(number)):
        raise ValueError(number)
    return float(number)


def _outcome(read: Any, body: bytes) -> str | None:
    try:
        return repr(read(body))
    except StatusError:
        return None


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1, "a": 2}', {"a": 1}),
        (b'{"a": {"b": 1}, "c": [{"b": 2, "b": 3}]}', {"a": {"b": 1}, "c": [{"b": 2}]}),
        (b'{"a": 1, "b": "x:y", "a": 2}', {"a": 1, "b": "x:y"}),
        (b'{"a": "x\\":", "b": 1}', {"a": 'x":', "b": 1}),
        (b"[Inf, -Inf, Infinity, -Infinity]", [math.inf, -math.inf, math.inf, -math.inf]),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'["\xff"]', ["\udcff"]),
        (b'["\\ud83d\\ude00", "\\\\ud83d", NaN]', ["😀", "\\ud83d", math.nan]),
        (b"[18446744073709551615, 18446744073709551616, -9223372036854775809]", [MOST, 2.0**64, -(2.0**63)]),
    ],
)
def test_what_other_parsers_refuse_or_read_otherwise(body: bytes, document: Any) -> None:
    """The first of duplicates counts, numbers may be infinite, texts need not be UTF-8."""
    assert repr(parse(body)) == repr(document)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b" ", "The document is empty. at offset: 1"),
        (b"[1, x]", "Invalid value. at offset: 4"),
        (b"[+1]", "Invalid value. at offset: 1"),
        (b"[Infinit]", "Invalid value. at offset: 1"),
        (b"{1: 2}", "Missing a name for object member. at offset: 1"),
        (b'{"a" 2}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"\xc3\xa4": 1 "b": 2}', "Missing a comma or } after an object member. at offset: 9"),
        (b"[1 2]", "Missing a comma or ] after an array element. at offset: 3"),
        (b"[1}", "Missing a comma or ] after an array element. at offset: 2"),
        (b'["a]', "Missing a closing quotation mark in string. at offset: 1"),
        (b'["\\x"]', "Invalid escape character in string. at offset: 2"),
        (b'["\\u12g4"]', "Incorrect hex digit after \\u escape in string. at offset: 3"),
        (b'["\\ud83d"]', "The surrogate pair in string is invalid. at offset: 1"),
        (b"[1e999]", "Number too big to be stored in double. at offset: 1"),
        (b"[1.]", "Miss fraction part in number. at offset: 2"),
        (b"[1e]", "Miss exponent in number. at offset: 2"),
    ],
)
def test_what_is_no_json_says_why_and_where(body: bytes, why: str) -> None:
    """The message has rapidjson's words and the offset in bytes."""
    with pytest.raises(StatusError) as caught:
        parse(body)
    assert caught.value.message == f"JSON Parse error: {why}"


def test_a_document_nested_half_a_million_deep() -> None:
    """No depth is too much for the parser, nor for the message that repeats it."""
    depth = 500_000
    document = parse(b"[" * depth + b"]" * depth)
    assert echo(document).startswith("[\n    [\n        [")
    for _ in range(depth - 1):
        (document,) = document
    assert document == []


@given(DOCUMENTS)
def test_a_message_repeats_json_as_it_came(document: Any) -> None:
    """What is short enough is JSON that reads as the same document; all is cut at 256 bytes."""
    text = echo([document])
    size = len(text.encode("utf-8", "surrogateescape"))
    assert size <= 256
    if size < 253:  # else a character may have been cut in two, and left out
        assert json.loads(text) == [document]


NUMBERS = st.floats() | st.integers(-(1 << 70), 1 << 70)


@given(st.lists(st.dictionaries(st.text(max_size=3), NUMBERS | st.text(max_size=3), max_size=3), max_size=3))
def test_missing_numbers_are_read_alike_by_the_fast_and_the_exact_parser(rows: list[Any]) -> None:
    """A document with NaN, which Python's own parser reads, is what the exact parser makes of it."""
    body = json.dumps([float("nan"), rows]).encode()
    assert repr(parse(body)) == repr(parse_slowly(body))


@pytest.mark.parametrize(
    "body", [b"[NaN, 1e999]", b"[NaN, 123456789012345678901234567890]", b'[NaN, "\\ud800"]', b"[NaN] x"]
)
def test_what_python_reads_otherwise_goes_to_the_exact_parser(body: bytes) -> None:
    """Numbers too big, halves of surrogate pairs and what follows a document are rapidjson's business."""
    outcomes = []
    for read in (parse, parse_slowly):
        try:
            outcomes.append(repr(read(body)))
        except StatusError as error:
            outcomes.append(error.message)
    assert outcomes[0] == outcomes[1]
