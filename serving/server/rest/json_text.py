"""JSON as rapidjson reads it with the flags that TensorFlow Serving gives it, and as error messages repeat it.

It stops after the document, so that anything may follow it; the first of several members of one name counts; NaN, Inf
and Infinity are numbers; a document may be nested as deep as it likes; texts are bytes that need not be UTF-8 (here:
str with surrogate escapes). orjson reads what has none of this, which is nearly everything, ten times as fast; Python's
own parser, half as fast as orjson, what has none of it but NaN: a missing number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from json import loads
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]  # typeshed has not the name
from json.encoder import encode_basestring
from math import isfinite, isinf, isnan
from typing import Any, NoReturn

import orjson

from serving.server.rest.number_text import text as number_text
from serving.server.status import StatusError, invalid_argument

ECHOED = 256  # bytes of JSON that a message repeats
HALVES = "".join(map(chr, range(0xDC80, 0xDD00)))  # surrogate escapes: bytes that are no UTF-8
BOM = "\ufeff"
SPACE = r"[ \t\n\r]*+"
STRING = r'"[^"\\\x00-\x1f]*+(?:\\[^\x00-\x1f][^"\\\x00-\x1f]*+)*+"'
WHOLE = r"-?(?:0|[1-9][0-9]*+)"
VALUE = re.compile(
    rf"{SPACE}(?:(?P<string>{STRING})"
    rf"|(?P<float>{WHOLE}(?:\.[0-9]++(?:[eE][+-]?[0-9]++)?|[eE][+-]?[0-9]++)(?![.eE]))|(?P<int>{WHOLE}(?![.eE]))"
    rf"|(?P<word>true|false|null|-?NaN|-?Inf(?:inity|(?!i)))|(?P<open>[\[{{]))"
)
NAME = re.compile(rf"{SPACE}({STRING}){SPACE}:")
NAMED = re.compile(rf"{SPACE}{STRING}{SPACE}")
AFTER = re.compile(rf"{SPACE}([,\]}}])")
BLANK = re.compile(SPACE)
CLOSED = {"[": re.compile(rf"{SPACE}\]"), "{": re.compile(rf"{SPACE}\}}")}
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
PAIRED = re.compile(r"(?:[^\\]|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB]..\\u[dD][c-fC-F]..)*+")
AS_ZEROS = bytes.maketrans(b"123456789E", b"000000000e")
UNLIKE_PYTHON = (b"\\u", b"e000", b"e+000", b"0" * 19)  # surrogates, and numbers beyond a double's or 64 bits, as zeros
MEMBER = re.compile(rb'"[ \t\n\r]*:')
WORDS = {
    "true": True, "false": False, "null": None, "NaN": float("nan"), "-NaN": float("nan"),
    "Inf": float("inf"), "Infinity": float("inf"), "-Inf": float("-inf"), "-Infinity": float("-inf"),
}  # fmt: skip
LEAST, MOST, MOST_DIGITS = -(1 << 63), (1 << 64) - 1, 20  # whole numbers beyond are doubles


def parse(body: bytes) -> Any:
    """Returns a JSON document as dicts, lists, str, int, float, bool and None.

    Raises:
      StatusError: it is none.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"NaN" not in body or _is_unlike_python(body):
            return parse_slowly(body)
        try:
            document = loads(body.decode())
        except (ValueError, RecursionError):
            return parse_slowly(body)
    return document if _has_no_duplicates(document, body) else parse_slowly(body)


def _is_unlike_python(body: bytes) -> bool:
    """Tells whether a document may have what Python reads in another way; ten times as fast as a regular expression."""
    zeros = body.translate(AS_ZEROS)
    return any(each in zeros for each in UNLIKE_PYTHON)


def _has_no_duplicates(document: Any, body: bytes) -> bool:
    """Tells whether as many members were read as are written, going no deeper than it takes to find them all.

    Each member has a colon and a quotation mark before it; both may also stand in texts, so more of them prove nothing.
    """
    colons = body.count(b":")
    members = 0
    level = [document]
    while level and members < colons:
        objects = [value for value in level if type(value) is dict]
        members += sum(map(len, objects))
        if members < colons:
            lists = [value for value in level if type(value) is list]
            level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(lists)]
    return members == colons or members == len(MEMBER.findall(body))


def parse_slowly(body: bytes) -> Any:
    """Returns the same as `parse`, for every document that rapidjson reads."""
    text = body.decode("utf-8", "surrogateescape")
    at = len(BOM) if text.startswith(BOM) else 0
    if BLANK.fullmatch(text, at):
        raise _wrong(text, len(text), "The document is empty.")
    around: list[tuple[Any, str]] = []  # containers that are open, and the name that the next value has there
    while True:
        token = VALUE.match(text, at) or _no_value(text, at)
        at, word = token.end(), token["open"]
        if word is None:
            value = _scalar(text, token)
        elif closed := CLOSED[word].match(text, at):
            at, value = closed.end(), ([] if word == "[" else {})
        elif word == "[":
            around.append(([], ""))
            continue
        else:
            name, at = _name(text, at)
            around.append(({}, name))
            continue
        while around:  # puts the value where it belongs, and closes what ends with it
            container, name = around[-1]
            if type(container) is list:
                container.append(value)
            else:
                container.setdefault(name, value)
            at, mark = _after(text, at, container)
            if mark == ",":
                if type(container) is dict:
                    name, at = _name(text, at)
                    around[-1] = (container, name)
                break
            value = around.pop()[0]
        else:
            return value


def _scalar(text: str, token: re.Match[str]) -> Any:
    kind = token.lastgroup or ""
    word = token[kind]
    if kind == "string":
        return _string(text, word, token.start(kind))
    if kind == "word":
        return WORDS[word]
    if kind == "int" and len(word) <= MOST_DIGITS and LEAST <= (whole := int(word)) <= MOST:
        return whole
    number = float(word)
    if isinf(number):
        raise _wrong(text, token.start(kind), "Number too big to be stored in double.")
    return number


def _string(text: str, word: str, at: int) -> str:
    if "\\" not in word:
        return word[1:-1]
    if SURROGATE.search(word) and not PAIRED.fullmatch(word):
        raise _wrong(text, at, "The surrogate pair in string is invalid.")
    try:
        string: str = scanstring(word, 1, True)[0]  # noqa: FBT003  # a C function, without keywords
    except JSONDecodeError as error:
        hexadecimal = "\\u" in error.msg
        reason = "Incorrect hex digit after \\u escape" if hexadecimal else "Invalid escape character"
        raise _wrong(text, at + error.pos, f"{reason} in string.") from None
    return string


def _name(text: str, at: int) -> tuple[str, int]:
    name = NAME.match(text, at)
    if name:
        return _string(text, name[1], name.start(1)), name.end()
    if named := NAMED.match(text, at):
        raise _wrong(text, named.end(), "Missing a colon after a name of object member.")
    raise _wrong(text, _skip(text, at), "Missing a name for object member.")


def _after(text: str, at: int, container: Any) -> tuple[int, str]:
    closing = "]" if type(container) is list else "}"
    mark = AFTER.match(text, at)
    if mark and mark[1] in ("," + closing):
        return mark.end(), mark[1]
    what = "an array element" if closing == "]" else "an object member"
    raise _wrong(text, _skip(text, at), f"Missing a comma or {closing} after {what}.")


def _no_value(text: str, at: int) -> NoReturn:
    at = _skip(text, at)
    if text.startswith('"', at):
        raise _wrong(text, at, "Missing a closing quotation mark in string.")
    if number := re.compile(rf"{WHOLE}(?:\.[0-9]++)?").match(text, at):
        part = "fraction part" if text.startswith(".", number.end()) else "exponent"
        raise _wrong(text, number.end(), f"Miss {part} in number.")
    raise _wrong(text, at, "Invalid value.")


def _skip(text: str, at: int) -> int:
    blank = BLANK.match(text, at)
    assert blank is not None  # it may be empty
    return blank.end()


def _wrong(text: str, at: int, why: str) -> StatusError:
    offset = len(text[:at].encode("utf-8", "surrogateescape"))
    return invalid_argument(f"JSON Parse error: {why} at offset: {offset}")


def echo(value: Any) -> str:
    """Returns a value as JSON, as rapidjson's PrettyWriter lays it out, cut at 256 bytes."""
    if type(value) is float:
        return number_text(value)
    written, size = [], 0
    for part in _written(value, "\n"):
        written.append(part)
        size += len(part)
        if size >= ECHOED:
            break
    whole = "".join(written).encode("utf-8", "surrogateescape")
    cut = whole[:ECHOED].decode("utf-8", "surrogateescape")
    return cut if len(whole) <= ECHOED else cut.rstrip(HALVES)


def _written(value: Any, line: str) -> Iterator[str]:
    """Yields the parts of a value; `echo` takes so few that it does not go deep."""
    inner = line + "    "
    if type(value) is dict:
        yield "{"
        for number, (name, member) in enumerate(value.items()):
            yield ("," if number else "") + inner + quoted(name[:ECHOED]) + ": "
            yield from _written(member, inner)
        yield (line if value else "") + "}"
    elif type(value) is list:
        yield "["
        for number, element in enumerate(value):
            yield ("," if number else "") + inner
            yield from _written(element, inner)
        yield (line if value else "") + "]"
    else:
        yield _literal(value)


def _literal(value: Any) -> str:
    if type(value) is str:
        return quoted(value) if len(value) < ECHOED else quoted(value[:ECHOED])
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def quoted(text: str) -> str:
    """Returns a text as JSON, its bytes that are no UTF-8 as they are."""
    escaped: str = encode_basestring(text)
    return escaped


def valid(text: str) -> str:
    """Returns a text with U+FFFD for its bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def encoded(text: str) -> bytes:
    """Returns the bytes of a text that may have surrogate escapes, or none from the outside."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


KINDS = {type(None): "Null", dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}


def kind_of(value: Any) -> str:
    """Returns what rapidjson calls a value: Null, False, True, Object, Array, String or Number."""
    return str(value) if type(value) is bool else KINDS[type(value)]
