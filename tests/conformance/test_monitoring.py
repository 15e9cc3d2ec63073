"""Prometheus metrics: TensorFlow Serving's names, labels and types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.configs import model_config
from tests.conformance.conftest import Serve
from tests.conformance.grpc_api import Grpc, examples, failure, multi_request, predict_request, spec
from tests.conformance.models import REGRESS, example, warm_half_plus_two
from tests.conformance.processes import Server
from tests.conformance.rest import Answer, Rest

PREFIX = ":tensorflow:serving:"
PATH = "/monitoring/prometheus/metrics"
SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')

Metrics = Callable[..., float]


@pytest.fixture
def page(server: Server, rest: Rest) -> Answer:
    """The page of metrics."""
    answer = rest.get(PATH)
    if server.is_foreign and answer.status == 404:
        pytest.skip("the server has no metrics: start it with --monitoring_config_file")
    assert answer.status == 200
    return answer


@pytest.fixture
def metric(page: Answer, rest: Rest) -> Metrics:
    """Reads a metric of :tensorflow:serving: by its labels; 0 if it is not there yet."""
    assert page

    def value(name: str, **labels: str) -> float:
        found = (value for *named, value in samples(rest.get(PATH)) if named == [name, labels])
        return next(found, 0.0)

    return value


def samples(page: Answer) -> Iterator[tuple[str, dict[str, str], float]]:
    """The metrics of TensorFlow Serving on a page, their prefix left away: names, labels, values."""
    for line in page.body.decode().splitlines():
        found = SAMPLE.fullmatch(line)
        if found and found["name"].startswith(PREFIX):
            yield found["name"].removeprefix(PREFIX), dict(LABEL.findall(found["labels"] or "")), float(found["value"])


def test_page(page: Answer, grpc_api: Grpc, rest: Rest) -> None:
    """The page is text; each metric has a type, and none a help text."""
    assert page.headers["content-type"].startswith("text/plain")
    grpc_api.y("half_plus_two")
    lines = rest.get(PATH).body.decode().splitlines()
    assert all(line.startswith("# TYPE ") or SAMPLE.fullmatch(line) for line in lines if line)
    assert "# TYPE :tensorflow:serving:request_count counter" in lines


def test_request_count(metric: Metrics, grpc_api: Grpc, rest: Rest) -> None:
    """Requests are counted by model and status, over gRPC and REST."""
    labels = {"model_name": "half_plus_two", "status": "OK"}
    before = metric("request_count", **labels)
    grpc_api.y("half_plus_two")
    rest.post("half_plus_two:predict", {"instances": [1.0]})
    assert metric("request_count", **labels) == before + 2


def test_failures_are_counted(metric: Metrics, grpc_api: Grpc) -> None:
    """A failure is counted under its code."""
    labels = {"model_name": "nobody", "status": "NOT_FOUND"}
    before = metric("request_count", **labels)
    failure(grpc_api.predict, predict_request(spec("nobody"), {"x": [1.0]}))
    assert metric("request_count", **labels) == before + 1


@pytest.mark.parametrize(("api", "entrypoint"), [("Predict", "GRPC"), ("predict", "REST")])
def test_latency(metric: Metrics, grpc_api: Grpc, rest: Rest, api: str, entrypoint: str) -> None:
    """Latencies of successes are a histogram, by model, API and entry point."""
    labels = {"model_name": "half_plus_two", "API": api, "entrypoint": entrypoint}
    count, total = (metric(f"request_latency_{part}", **labels) for part in ("count", "sum"))
    grpc_api.y("half_plus_two")
    rest.post("half_plus_two:predict", {"instances": [1.0]})
    rest.post("half_plus_two:predict", {"instances": []})
    assert metric("request_latency_count", **labels) == count + 1
    assert metric("request_latency_sum", **labels) > total
    assert metric("request_latency_bucket", **labels, le="+Inf") == count + 1


def test_buckets(page: Answer, grpc_api: Grpc, rest: Rest) -> None:
    """The buckets of latencies are 10, 18, 32.4 … µs, each 1.8 times the one before."""
    assert page
    grpc_api.y("half_plus_two")
    wanted = {"model_name": "half_plus_two", "API": "Predict", "entrypoint": "GRPC"}
    labels = [labels for name, labels, _ in samples(rest.get(PATH)) if name == "request_latency_bucket"]
    bounds = [found["le"] for found in labels if wanted.items() <= found.items()]
    assert bounds[-1] == "+Inf"
    assert [float(bound) for bound in bounds[:3]] == pytest.approx([10, 18, 32.4])
    assert len(bounds) in {33, 34}


def test_runtime_latency(metric: Metrics, grpc_api: Grpc, rest: Rest) -> None:
    """The time in the graph is a histogram of its own, whichever way the request came."""
    labels = {"model_name": "half_plus_two", "API": "Predict", "runtime": "TF1"}
    before = metric("runtime_latency_count", **labels)
    grpc_api.y("half_plus_two")
    assert metric("runtime_latency_count", **labels) == before + 1
    rest.post("half_plus_two:predict", {"instances": [1.0]})
    assert metric("runtime_latency_count", **labels) == before + 2


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("request_count", {"model_name", "status"}),
        ("request_latency_sum", {"model_name", "API", "entrypoint"}),
        ("runtime_latency_sum", {"model_name", "API", "runtime"}),
        ("request_example_counts_sum", {"model"}),
        ("request_example_count_total", {"model"}),
        ("model_warmup_latency_sum", {"model_path", "status"}),
    ],
)
def test_labels(
    metric: Metrics, grpc_api: Grpc, rest: Rest, serve: Serve, base_path: Path, name: str, labels: set[str]
) -> None:
    """Once something has happened a metric has the labels that dashboards of TensorFlow Serving go by."""
    assert metric("nothing") == 0
    grpc_api.y("half_plus_two")
    task = (spec("half_plus_two", signature="regress_x_to_y"), REGRESS)
    grpc_api.multi_inference(multi_request(examples(example(x=2.0)), task))
    warm_half_plus_two(base_path / "1", "warmed")
    serve(model_config("warmed", base_path))
    found = [set(named) for metric_name, named, _ in samples(rest.get(PATH)) if metric_name == name]
    assert found
    assert all(named == labels for named in found)


def test_no_metrics_by_default(plain_server: Server) -> None:
    """Without --monitoring_config_file there is no such page."""
    assert plain_server.rest
    answer = Rest(plain_server.rest).get(PATH)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
