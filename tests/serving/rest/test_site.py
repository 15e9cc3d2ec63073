"""All that the REST port answers, without a socket."""

from __future__ import annotations

import gzip
import json

import pytest

from serving.server.metrics import Metrics
from serving.server.rest.message import Request
from serving.server.rest.options import METRICS_PATH, RestOptions
from serving.server.rest.site import Site, inflated
from tests.serving.rest.models import answer, core, error

PREDICT = Request("POST", "/v1/models/half:predict", {}, b'{"instances": [2]}')
TOKEN = "secret"
GZIP = {b"content-encoding": b"gzip"}


def site(options: RestOptions = RestOptions(), metrics: Metrics | None = None) -> Site:  # noqa: B008  # it is frozen
    """A site with the small models."""
    return Site(core(), options, metrics)


@pytest.mark.parametrize("target", ["/", "/v1", METRICS_PATH, "/healthz", "/readyz", "/favicon.ico"])
def test_what_is_nowhere(target: str) -> None:
    """Outside of /v1/ there is libevent's page, no JSON; also where metrics and health are when they are off."""
    response = site().respond(Request("GET", target))
    assert response.status == 404
    assert response.headers == ((b"content-type", b"text/html"),)
    assert b"<H1>Not Found</H1>" in response.body


def test_a_compressed_request() -> None:
    """A gzip body is read as what is in it."""
    response = site().respond(PREDICT._replace(body=gzip.compress(PREDICT.body), headers=GZIP))
    assert answer(response) == {"predictions": [3.0]}


@pytest.mark.parametrize("body", [b"", b"no gzip", gzip.compress(PREDICT.body, mtime=0)[:-9]])
def test_a_request_that_does_not_inflate(body: bytes) -> None:
    """What is no gzip is an empty body."""
    expected = (400, "JSON Parse error: The document is empty")
    assert error(site().respond(PREDICT._replace(body=body, headers=GZIP))) == expected


def test_a_request_that_inflates_without_end() -> None:
    """Beyond 100 MiB nothing is read."""
    assert inflated(gzip.compress(bytes(1 << 20))) == bytes(1 << 20)
    assert inflated(gzip.compress(bytes((100 << 20) + 1), 1)) == b""


def test_metrics_are_where_they_are_wanted() -> None:
    """Requests are counted, and the page is served at the path."""
    watched = site(RestOptions(metrics_path="/m"), Metrics())
    watched.respond(PREDICT)
    watched.respond(Request("GET", "/v1/models/x"))
    page = watched.respond(Request("GET", "/m"))
    assert page.headers == ((b"content-type", b"text/plain"),)
    assert b':tensorflow:serving:request_count{model_name="half",status="OK"} 1\n' in page.body
    assert b':tensorflow:serving:request_count{model_name="x",status="NOT_FOUND"} 1\n' in page.body


def test_health() -> None:
    """It is alive from the start, and ready when every model is."""
    models = core()
    watched = Site(models, RestOptions(health=True, bearer_token=TOKEN))
    assert watched.respond(Request("GET", "/healthz")).status == 200
    assert watched.respond(Request("GET", "/readyz")).status == 200
    models.ready = False
    assert watched.respond(Request("GET", "/healthz")).status == 200
    assert watched.respond(Request("GET", "/readyz")).status == 503


def test_a_list_of_models() -> None:
    """The models' names are told only when that is switched on."""
    asked = Request("GET", "/v1/models")
    assert error(site().respond(asked)) == (400, "Missing model name in request.")
    listed = site(RestOptions(list_models=True)).respond(asked)
    assert answer(listed) == {"models": [{"name": name} for name in ("echo", "half", "judges", "pairs")]}


def test_a_bearer_token() -> None:
    """Without the token nothing is answered, whatever is asked."""
    guarded = site(RestOptions(bearer_token=TOKEN, metrics_path="/m"), Metrics())
    for headers in ({}, {b"authorization": b"Bearer wrong"}, {b"authorization": b"secret"}):
        for request in (PREDICT, Request("GET", "/m"), Request("GET", "/")):
            refused = guarded.respond(request._replace(headers=headers))
            assert refused.status == 401
            assert json.loads(refused.body)["error"]
    assert guarded.respond(PREDICT._replace(headers={b"authorization": b"Bearer secret"})).status == 200
