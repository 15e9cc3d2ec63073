"""Metrics: TensorFlow Serving's names, and the text that Prometheus reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from grpc import StatusCode
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from serving.server.metrics import MOST_MODELS, OTHERS, BatchMetrics, Metrics

COUNTS_TWO = """
import sys
from pathlib import Path
from grpc import StatusCode
from serving.server.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
for _ in range(2):
    metrics.answered("m", "predict", "REST", StatusCode.OK, 0.001, "serving_default")
metrics.received_examples("m", 5)
queue = metrics.batching("pool", "m", 1)
queue.depth(lambda: 3)
sys.stdout.write(metrics.page().decode())
"""


def families(metrics: Metrics) -> dict[str, Metric]:
    """What Prometheus' own parser reads."""
    return {family.name: family for family in text_string_to_metric_families(metrics.page().decode())}


def busy() -> tuple[Metrics, BatchMetrics]:
    """Metrics of a server that has done everything once, and what one of its sessions holds."""
    metrics = Metrics()
    metrics.answered("m", "predict", "REST", StatusCode.OK, 0.001, "serving_default")
    metrics.answered("m", "", "REST", StatusCode.OK, 0.001)
    metrics.answered("m", "Predict", "GRPC", StatusCode.NOT_FOUND, 0.001)
    metrics.ran("m", "Predict", 0.0005)
    metrics.received_examples("m", 3)
    metrics.logged("m", StatusCode.OK)
    metrics.warmed_up("/models/m/1", StatusCode.OK, 0.1, 7)
    metrics.loaded("/models/m/1", succeeded=True, seconds=2)
    queue = metrics.batching("model_server_batch_threads", "m", 1)
    queue.queued(0.002)
    queue.processed(8, 3)
    queue.depth(lambda: 4)
    return metrics, queue


def test_names_types_and_labels() -> None:
    """Every name, type and label is TensorFlow Serving's to the letter, without client libraries' suffixes."""
    metrics, queue = busy()
    text = metrics.page().decode()
    for line in (
        "# TYPE :tensorflow:serving:request_count counter",
        ':tensorflow:serving:request_count{model_name="m",status="OK"} 2',
        ':tensorflow:serving:request_count{model_name="m",status="NOT_FOUND"} 1',
        "# TYPE :tensorflow:serving:request_latency histogram",
        ':tensorflow:serving:request_latency_bucket{model_name="m",API="predict",entrypoint="REST",le="10"} 0',
        ':tensorflow:serving:request_latency_bucket{model_name="m",API="predict",entrypoint="REST",le="+Inf"} 1',
        ':tensorflow:serving:request_latency_sum{model_name="m",API="predict",entrypoint="REST"} 1000',
        ':tensorflow:serving:request_latency_count{model_name="m",API="",entrypoint="REST"} 1',
        ':tensorflow:serving:runtime_latency_sum{model_name="m",API="Predict",runtime="TF1"} 500',
        ':tensorflow:serving:request_example_counts_sum{model="m"} 3',
        "# TYPE :tensorflow:serving:request_example_count_total counter",
        ':tensorflow:serving:request_example_count_total{model="m"} 3',
        ':tensorflow:serving:request_log_count{model_name="m",status_code="OK"} 1',
        ':tensorflow:serving:model_warmup_latency_count{model_path="/models/m/1",status="OK"} 1',
        ':tensorflow:serving:model_warmup_records_read{model_path="/models/m/1",status="OK"} 7',
        ':tensorflow:cc:saved_model:load_attempt_count{model_path="/models/m/1",status="success"} 1',
        ':tensorflow:cc:saved_model:load_latency{model_path="/models/m/1"} 2000000',
        ':tensorflow:serving:batching_session:queuing_latency_sum{thread_pool_name="model_server_batch_threads"} 2000',
        ':tensorflow:serving:batching_session:wrapped_run_count{thread_pool_name="model_server_batch_threads"} 1',
        ':tensorflow:serving:batching_session:padding_size_sum{thread_pool_name="model_server_batch_threads"} 3',
        ':tensorflow:serving:batching_session:input_batch_size_sum{thread_pool_name="model_server_batch_threads"} 5',
        (':tensorflow:serving:batching_session:processed_batch_size_sum{thread_pool_name='
        '"model_server_batch_threads"} 8'),
        ':penstock:serving:queue_depth{model_name="m",version="1"} 4',
        (':penstock:serving:signature_latency_count{model_name="m",signature_name="serving_default",'
        'API="predict",entrypoint="REST"} 1'),
    ):  # fmt: skip
        assert f"{line}\n" in text
    assert "_created" not in text
    assert "# HELP" not in text
    del queue
    assert ':penstock:serving:queue_depth{model_name="m",version="1"} 0\n' in metrics.page().decode()


def test_prometheus_reads_the_page() -> None:
    """Its own parser finds every family and its type, and buckets that only grow."""
    found = families(busy()[0])
    assert found[":tensorflow:serving:request_count"].type == "counter"
    latency = found[":tensorflow:serving:request_latency"]
    assert latency.type == "histogram"
    buckets = [sample for sample in latency.samples if sample.name.endswith("_bucket") and sample.labels["API"]]
    assert len(buckets) == 34
    assert [bucket.value for bucket in buckets] == sorted(bucket.value for bucket in buckets)
    assert [float(bucket.labels["le"]) for bucket in buckets][:3] == [10.0, 18.0, 32.4]


def test_labels_are_escaped() -> None:
    """A model's name of any characters is read back as it was."""
    metrics = Metrics()
    name = 'a"b\\c\nd=}ä'
    metrics.answered(name, "", "REST", StatusCode.NOT_FOUND, 0.0)
    (sample,) = families(metrics)[":tensorflow:serving:request_count"].samples
    assert sample.labels == {"model_name": name, "status": "NOT_FOUND"}


def test_names_that_clients_make_up_have_a_limit() -> None:
    """However many models are asked for that are not there, the page does not grow beyond a thousand of them."""
    metrics = Metrics()
    for number in range(MOST_MODELS + 5):
        metrics.answered(f"m{number}", "", "REST", StatusCode.NOT_FOUND, 0.0)
    samples = families(metrics)[":tensorflow:serving:request_count"].samples
    counts = {sample.labels["model_name"]: sample.value for sample in samples}
    assert len(counts) == MOST_MODELS + 1
    assert counts[OTHERS] == 5


def test_a_page_of_a_server_that_has_done_nothing() -> None:
    """Nothing was done, nothing is told."""
    assert families(Metrics()) == {}


def test_processes_count_together(tmp_path: Path) -> None:
    """Each of two processes that share a directory counts two requests; the last one's page has the sums."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", COUNTS_TWO, str(tmp_path)]
    pages = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
             for _ in range(2)]  # fmt: skip
    for line in (
        "# TYPE :tensorflow:serving:request_count counter",
        ':tensorflow:serving:request_count{model_name="m",status="OK"} 4',
        ':tensorflow:serving:request_latency_count{API="predict",entrypoint="REST",model_name="m"} 4',
        ':tensorflow:serving:request_example_count_total{model="m"} 10',
    ):
        assert f"{line}\n" in pages[1]
    assert list(text_string_to_metric_families(pages[1]))


def test_a_directory_that_comes_too_late(tmp_path: Path) -> None:
    """A directory that prometheus_client was not told of in time is an error, not wrong numbers."""
    with pytest.raises(ValueError, match="PROMETHEUS_MULTIPROC_DIR must be"):
        Metrics(tmp_path)
