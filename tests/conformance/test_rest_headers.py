"""REST: headers, compression, CORS, and what HTTP itself allows."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from tests.conformance.processes import Server
from tests.conformance.rest import Answer, Rest, exchange

BODY = b'{"instances": [2.0]}'
ANSWER = {"predictions": [3.0]}
PREDICT = "half_plus_two:predict"
EMPTY = "JSON Parse error: The document is empty"
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, GET",
    "access-control-allow-headers": "Content-Type",
}


def cors_of(answer: Answer) -> dict[str, str]:
    """The CORS headers of an answer."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/models/half_plus_two"),
        ("GET", "/v1/models/half_plus_two/metadata"),
        ("POST", "/v1/models/half_plus_two:predict"),
        ("GET", "/v1/models/nobody"),
        ("POST", "/v1/models/nobody:predict"),
        ("GET", "/v1/nothing"),
        ("DELETE", "/v1/models/half_plus_two"),
    ],
)
def test_answers_are_json(rest: Rest, method: str, target: str) -> None:
    """Answers below /v1/ are application/json without a charset, errors too."""
    assert rest.ask(method, target, BODY if method == "POST" else b"").headers["content-type"] == "application/json"


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"])
def test_content_type_is_ignored(rest: Rest, kind: str) -> None:
    """A request's Content-Type may be anything."""
    assert rest.post(PREDICT, BODY, Content_Type=kind).json == ANSWER


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "gzip, identity"])
def test_gzip_is_read(rest: Rest, encoding: str) -> None:
    """A body is inflated if its Content-Encoding contains gzip."""
    assert rest.post(PREDICT, gzip.compress(BODY), Content_Encoding=encoding).json == ANSWER


@pytest.mark.parametrize(
    "body",
    [BODY, gzip.compress(BODY)[:-10], gzip.compress(b""), gzip.compress(b" " * (100 * 2**20 + 1) + BODY)],
    ids=["plain", "cut off", "empty", "over 100 MiB"],
)
def test_gzip_that_cannot_be_read(rest: Rest, body: bytes) -> None:
    """What is no gzip, or inflates to more than 100 MiB, is an empty body."""
    answer = rest.post(PREDICT, body, Content_Encoding="gzip")
    assert (answer.status, answer.error.rstrip(".")) == (400, EMPTY)


def test_gzip_below_the_limit(rest: Rest) -> None:
    """Many megabytes of white space are inflated and parsed."""
    assert rest.post(PREDICT, gzip.compress(b" " * (64 * 2**20) + BODY), Content_Encoding="gzip").json == ANSWER


def test_other_encodings_are_not_read(rest: Rest) -> None:
    """Any other Content-Encoding is ignored: the body is read as it is."""
    assert rest.post(PREDICT, BODY, Content_Encoding="br").json == ANSWER
    deflated = rest.post(PREDICT, zlib.compress(BODY), Content_Encoding="deflate")
    assert deflated.status == 400
    assert deflated.error.startswith("JSON Parse error: ")


def test_answers_are_not_compressed(rest: Rest) -> None:
    """A client that accepts gzip gets plain text."""
    answer = rest.post(PREDICT, BODY, Accept_Encoding="gzip, deflate")
    assert "content-encoding" not in answer.headers
    assert answer.json == ANSWER


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://example.com", 200),
        ("http://example.com:8080", 200),
        ("ftp://example.com", 400),
        ("example.com", 400),
        (None, 400),
    ],
)
@pytest.mark.parametrize("target", ["/v1/models/half_plus_two:predict", "/v1/nothing"])
def test_preflight(rest: Rest, origin: str | None, status: int, target: str) -> None:
    """OPTIONS is answered by the Origin alone, with an empty body."""
    answer = rest.ask("OPTIONS", target, **({"Origin": origin} if origin else {}))
    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/models/half_plus_two"),
        ("POST", "/v1/models/nobody:predict"),
        ("OPTIONS", "/v1/models/half_plus_two"),
    ],
)
def test_cors(server: Server, rest: Rest, method: str, target: str) -> None:
    """With --rest_api_enable_cors_support every answer below /v1/ lets any page read it."""
    answer = rest.ask(method, target, BODY if method == "POST" else b"", Origin="https://example.com")
    if server.is_foreign and not cors_of(answer):
        pytest.skip("the server has no CORS: start it with --rest_api_enable_cors_support")
    assert cors_of(answer) == CORS


def test_no_cors_by_default(plain_server: Server) -> None:
    """Without the flag no answer has a CORS header, and preflights are answered all the same."""
    assert plain_server.rest
    rest = Rest(plain_server.rest)
    answers = [rest.ask(method, "/v1/models/half_plus_two", Origin="https://a.b") for method in ("GET", "OPTIONS")]
    assert [(answer.status, cors_of(answer)) for answer in answers] == [(200, {}), (200, {})]


def test_connection_is_kept(rest: Rest) -> None:
    """A second request over one connection is answered, after an error too."""
    connection = rest.connect()
    try:
        for body, status in ((b"{", 400), (BODY, 200), (BODY, 200)):
            assert exchange(connection, "POST", f"/v1/models/{PREDICT}", body, {}).status == status
            assert connection.sock is not None
    finally:
        connection.close()


def test_chunked_body(rest: Rest) -> None:
    """A body may come in chunks, without its length said before."""
    connection = rest.connect()
    try:
        connection.request("POST", f"/v1/models/{PREDICT}", iter([BODY[:7], BODY[7:]]), encode_chunked=True)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (200, ANSWER)
    finally:
        connection.close()


def test_large_body(rest: Rest) -> None:
    """Bodies of many megabytes are taken, and answered in full."""
    rows = [float(number % 10) for number in range(1_000_000)]
    predictions = rest.post(PREDICT, {"instances": rows}).json["predictions"]
    assert predictions == [0.5 * row + 2.0 for row in rows]
