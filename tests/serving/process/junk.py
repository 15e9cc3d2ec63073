"""Requests that nobody should send: made from good ones by a random.Random, so that a seed tells all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

GOOD: tuple[tuple[str, Any], ...] = (
    ("half_plus_two:predict", {"instances": [1.0, 2.0, 5.0]}),
    ("half_plus_two:predict", {"inputs": {"x": [[1.0], [2.0]]}}),
    ("half_plus_two:classify", {"signature_name": "classify_x_to_y", "examples": [{"x": 1.0}, {"x": 2.0}]}),
    ("half_plus_two:regress", {"signature_name": "regress_x_to_y", "examples": [{"x": 1.0}], "context": {"x2": 2.0}}),
    ("two_by_two:predict", {"instances": [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}]}),
    ("texts:predict", {"instances": ["one", {"b64": "dHdv"}]}),
    ("types/versions/1:predict", {"signature_name": "int32", "instances": [1, 2]}),
    ("types:predict", {"signature_name": "string", "instances": ["ä", "\ud83d\ude00"]}),
    ("types:predict", {"signature_name": "half", "inputs": [[1.5]]}),
    ("shapes:predict", {"signature_name": "product", "instances": [[1.0, 2.0]]}),
    ("classes:classify", {"examples": [{"x": 0.25}]}),
    ("counter:predict", {"signature_name": "get_counter", "inputs": {}}),
)
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 1e308, -1e-320, 2**31, 2**63, -(2**63) - 1, 10**40, float("nan"), float("inf"),
    "", "x", "b64", "NaN", "1.0", "\0", "ü", "\ud800", "a" * 300, {"b64": ""}, {"b64": "="}, {"b64": "AA==", "c": 1},
    {}, [], [[]], [{}], [[1], [2, 3]], {"x": {}}, {"b64": 1}, {"b64": ["AA=="]},
)  # fmt: skip
KEYS = ("instances", "inputs", "examples", "context", "signature_name", "x", "a", "b64", "", "outputs", "ü")
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "M-SEARCH")
WORDS = (
    "v1", "models", "half_plus_two", "types", "versions", "labels", "1", "-1", "99999999999999999999", "..", "", ".",
    "%", "%zz", "%00", "%2F", "metadata", "?", "a=b", ":predict", ":classify", ":", "~", "\u00fc", "x" * 200,
)  # fmt: skip
HEADERS = (
    b"Content-Encoding: gzip", b"Content-Encoding: br", b"Content-Type: text/html", b"Accept: */*", b"Cookie: a=b",
    b"X: " + b"y" * 4000, b"Connection: keep-alive", b"Expect: 100-continue", b"Origin: http://a", b"X-\xc3\xa9: 1",
    b"Authorization: Bearer \xff", b"Content-Encoding: gzip, gzip", b"Upgrade: websocket", b"Accept-Encoding: gzip",
)  # fmt: skip
DEPTHS = {10: 40, 100: 30, 1_000: 20, 10_000: 9, 100_000: 1}  # and how often: the last takes half a second
BOMBS = tuple(gzip.compress(start + b"0" * (4 << 20)) for start in (b"", b" ", b'{"instances": [0.'))
PREFIX = "/v1/models/"


class Junk(NamedTuple):
    """Bytes to send; `is_framed` where they are one HTTP request for sure, so that there is one answer to read."""

    data: bytes
    method: str
    is_framed: bool


def request(random: Random) -> Junk:
    """Returns a request: most are well-formed HTTP with something odd in them, some are no HTTP."""
    make: Callable[[Random], Junk] = random.choices((_odd_body, _odd_target, _odd_http), (80, 15, 5))[0]
    return make(random)


def mutated_bytes(random: Random, data: bytes) -> bytes:
    """Returns bytes with some of them changed, cut out, doubled or put in."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(changed) + 1)
        end = min(len(changed), at + random.choice((1, 1, 3, 20)))
        changed[at:end] = random.choice(
            (b"", random.randbytes(end - at), bytes(changed[at:end]) * 2, b"\xff", b"}", b'"')
        )
    return bytes(changed)


def _odd_body(random: Random) -> Junk:
    target, body = random.choice(GOOD)
    data = _body(random, body)
    headers = [random.choice(HEADERS[1:])] if random.random() < 0.1 else []
    if random.random() < 0.1:
        headers, data = [HEADERS[0]], _zipped(random, data)
    return _http(random, "POST", (PREFIX + target).encode(), headers, data)


def _odd_target(random: Random) -> Junk:
    words = "/".join(random.choices(WORDS, k=random.randrange(1, 7)))
    target = random.choice(
        (f"/{words}", PREFIX + words, f"{PREFIX}half_plus_two{words}", words, "*", f"http://a/{words}")
    )
    data = target.encode() or b"/"
    if random.random() < 0.3:
        data = mutated_bytes(random, data)
    headers = random.choices(HEADERS, k=random.randrange(4))
    is_framed = not set(data) & set(b" \r\n\t\0#") and all(33 <= byte < 127 for byte in data) and data[:1] == b"/"
    made = _http(random, random.choice(METHODS), data, headers, random.choice((b"", b"{}", b"x" * 100)))
    return made._replace(is_framed=is_framed and not any(header[:1] == b"U" or b"\xc3" in header for header in headers))


def _odd_http(random: Random) -> Junk:
    good = _http(random, "POST", b"/v1/models/half_plus_two:predict", [], b'{"instances": [1.0]}').data
    kinds = (
        random.randbytes(random.randrange(1, 300)),
        mutated_bytes(random, good),
        good.replace(b"Content-Length: ", b"Content-Length: -"),
        good.replace(b"\r\n", b"\n"),
        good.replace(b"Host: a", b"Host: a\r\n" + b"X: y\r\n" * 2000 + b"Z: z"),
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        good[: random.randrange(len(good))],
    )
    return Junk(random.choice(kinds), "", is_framed=False)


def _http(random: Random, method: str, target: bytes, headers: list[bytes], body: bytes) -> Junk:
    if random.random() < 0.1:
        sizes = [random.randrange(1, 50) for _ in range(5)]
        framing, body = b"Transfer-Encoding: chunked", _chunked(body, sizes)
    else:
        framing = f"Content-Length: {len(body)}".encode()
    lines = [f"{method} ".encode() + target + b" HTTP/1.1", b"Host: a", *headers, framing]
    return Junk(b"\r\n".join(lines) + b"\r\n\r\n" + body, method, is_framed=True)


def _chunked(body: bytes, sizes: list[int]) -> bytes:
    chunks = []
    for size in sizes:
        chunks.append(body[:size])
        body = body[size:]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, body] if chunk) + b"0\r\n\r\n"


def _zipped(random: Random, data: bytes) -> bytes:
    zipped = random.choice((gzip.compress(data), gzip.compress(data), gzip.compress(data), *BOMBS))
    return random.choice((zipped, zipped[:-5], mutated_bytes(random, zipped), data, b""))


def _body(random: Random, body: Any) -> bytes:
    kind = random.random()
    if kind < 0.05:
        return random.randbytes(random.randrange(200))
    if kind < 0.08:
        (depth,) = random.choices(list(DEPTHS), list(DEPTHS.values()))
        opening, closing = random.choice((("[", "]"), ('{"a":', "}"), ("[", ""), ('{"b64":', "}")))
        return f'{{"instances": {opening * depth}1{closing * depth}}}'.encode()
    changed = body if kind < 0.3 else _changed(random, body)
    text = json.dumps(changed, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")
    if kind < 0.3 or random.random() < 0.2:
        text = mutated_bytes(random, text)
    return text.replace(b"NaN", random.choice((b"NaN", b"-Inf", b"+1", b"01", b"1e999")))


def _changed(random: Random, value: Any) -> Any:
    """Returns a JSON value with something in it replaced, taken away or put in."""
    if random.random() < 0.3 or not isinstance(value, dict | list) or not value:
        return random.choice((random.choice(SCALARS), [value], {random.choice(KEYS): value}, [value, value]))
    if isinstance(value, list):
        at = random.randrange(len(value))
        return [*value[:at], *random.choice(([], [_changed(random, value[at])], [value[at]] * 3)), *value[at + 1 :]]
    key = random.choice(list(value))
    others = {name: of for name, of in value.items() if name != key}
    return random.choice((others, others | {key: _changed(random, value[key])}, value | {random.choice(KEYS): 1}))
