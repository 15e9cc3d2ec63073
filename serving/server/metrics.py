"""Prometheus metrics under TensorFlow Serving's names (util/prometheus_exporter.cc), and a few that it has not.

Several processes on one port count together: each is started with PROMETHEUS_MULTIPROC_DIR set to one empty directory
in its environment (prometheus_client reads it when it is first imported), and any of them gives the sums of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from weakref import ref

from grpc import StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import values as storage
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

SERVING = ":tensorflow:serving:"
BATCHING = ":tensorflow:serving:batching_session:"
SAVED_MODEL = ":tensorflow:cc:saved_model:"
OURS = ":penstock:serving:"
MOST_MODELS = 1000  # names in labels; clients can make up any number of models that are not there
OTHERS = "others"
MICROS = 1e6


def exponential(scale: float, growth: float, count: int) -> list[float]:
    """Returns the bounds of buckets, as tensorflow::monitoring::Buckets::Exponential has them."""
    return [scale * growth**power for power in range(count)]


LATENCIES = exponential(10, 1.8, 33)
WAITS = exponential(100, 1.2, 52)
SIZES = exponential(1, 2, 20)
COUNTS = exponential(1, 2, 20)


class Metrics:
    """Counts what a server does. Safe for threads; a request costs a few microseconds."""

    def __init__(self, directory: Path | None = None) -> None:
        """Starts at nothing; `directory` is PROMETHEUS_MULTIPROC_DIR when processes count together.

        Raises:
          ValueError: a directory is given, and prometheus_client was imported without that variable.
        """
        if directory is not None and storage.ValueClass.__name__ == "MutexValue":
            raise ValueError(f"PROMETHEUS_MULTIPROC_DIR must be {directory} before prometheus_client is imported")
        self._directory = directory
        self._registry = CollectorRegistry()
        self._names: dict[str, str] = {}
        self._models: set[str] = set()
        self._requests: dict[tuple[str, StatusCode], Counter] = {}
        self._latencies: dict[tuple[str, str, str, str], tuple[Histogram, Histogram]] = {}
        self._queues: list[tuple[ref[BatchMetrics], Gauge]] = []
        self._request_count = self._counter(f"{SERVING}request_count", "model_name", "status")
        self._request_latency = self._histogram(
            f"{SERVING}request_latency", LATENCIES, "model_name", "API", "entrypoint"
        )
        self._signature_latency = self._histogram(
            f"{OURS}signature_latency", LATENCIES, "model_name", "signature_name", "API", "entrypoint"
        )
        self._runtime_latency = self._histogram(f"{SERVING}runtime_latency", LATENCIES, "model_name", "API", "runtime")
        self._example_counts = self._histogram(f"{SERVING}request_example_counts", COUNTS, "model")
        self._example_count_total = self._counter(f"{SERVING}request_example_count_total", "model")
        self._log_count = self._counter(f"{SERVING}request_log_count", "model_name", "status_code")
        self._warmup_latency = self._histogram(f"{SERVING}model_warmup_latency", LATENCIES, "model_path", "status")
        self._warmup_records = self._counter(f"{SERVING}model_warmup_records_read", "model_path", "status")
        self._load_attempts = self._counter(f"{SAVED_MODEL}load_attempt_count", "model_path", "status")
        self._load_latency = self._counter(f"{SAVED_MODEL}load_latency", "model_path")
        self._waits = self._histogram(f"{BATCHING}queuing_latency", WAITS, "thread_pool_name")
        self._runs = self._counter(f"{BATCHING}wrapped_run_count", "thread_pool_name")
        self._padding = self._histogram(f"{BATCHING}padding_size", SIZES, "thread_pool_name")
        self._input_sizes = self._histogram(f"{BATCHING}input_batch_size", SIZES, "thread_pool_name")
        self._batch_sizes = self._histogram(f"{BATCHING}processed_batch_size", SIZES, "thread_pool_name")
        self._depths = self._gauge(f"{OURS}queue_depth", "model_name", "version")

    def answered(
        self, model_name: str, api: str, entrypoint: str, code: StatusCode, seconds: float, signature_name: str = ""
    ) -> None:
        """Counts a request; how long it took only when it succeeded, as upstream.

        `api` is Predict, Classify … over gRPC and predict, classify … or nothing over REST; `entrypoint` GRPC or REST.
        """
        known = (model_name, code)
        counter = self._requests.get(known)
        if counter is None:
            counter = self._request_count.labels(self._model(model_name), code.name)
            if model_name in self._models:
                self._requests[known] = counter
        counter.inc()
        if code is StatusCode.OK:
            for latency in self._latencies_of(model_name, api, entrypoint, signature_name):
                latency.observe(seconds * MICROS)

    def ran(self, model_name: str, api: str, seconds: float) -> None:
        """Counts a call of a model's graph."""
        self._runtime_latency.labels(model_name, api, "TF1").observe(seconds * MICROS)

    def received_examples(self, model_name: str, count: int) -> None:
        """Counts the examples of a MultiInference request."""
        self._example_counts.labels(model_name).observe(count)
        self._example_count_total.labels(model_name).inc(count)

    def logged(self, model_name: str, code: StatusCode) -> None:
        """Counts a request that was written to the request log, or could not be."""
        self._log_count.labels(model_name, code.name).inc()

    def warmed_up(self, path: str, code: StatusCode, seconds: float, records: int) -> None:
        """Counts the warm-up of a version that lies at a path."""
        self._warmup_latency.labels(path, code.name).observe(seconds * MICROS)
        self._warmup_records.labels(path, code.name).inc(records)

    def loaded(self, path: str, succeeded: bool, seconds: float) -> None:  # noqa: FBT001  # named at every call
        """Counts an attempt to load a version that lies at a path."""
        self._load_attempts.labels(path, "success" if succeeded else "fail").inc()
        self._load_latency.labels(path).inc(seconds * MICROS)

    def batching(self, thread_pool_name: str, model_name: str, version: int) -> BatchMetrics:
        """Returns what counts the batches of a version: a batching session's observer."""
        depth = self._depths.labels(model_name, str(version))
        observer = BatchMetrics(
            self._waits.labels(thread_pool_name),
            self._runs.labels(thread_pool_name),
            self._padding.labels(thread_pool_name),
            self._input_sizes.labels(thread_pool_name),
            self._batch_sizes.labels(thread_pool_name),
        )
        self._queues.append((ref(observer), depth))
        return observer

    def page(self) -> bytes:
        """Returns all metrics in Prometheus' text format, those of all processes that count together."""
        self._measure()
        registry = self._registry
        if self._directory is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._directory))  # type: ignore[no-untyped-call]  # it has no types
        lines: list[str] = []
        for metric in sorted(registry.collect(), key=lambda metric: metric.name):
            name = self._names.get(metric.name, metric.name)
            samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            if samples:
                lines.append(f"# TYPE {name} {metric.type}")
                lines.extend(_line(sample, name if metric.type == "counter" else sample.name) for sample in samples)
        return "".join(f"{line}\n" for line in lines).encode()

    def _measure(self) -> None:
        """Asks the queues of the sessions that are left how many tasks wait; there are none in the others."""
        for queue, depth in list(self._queues):
            if queue() is None:
                self._queues.remove((queue, depth))
                depth.set(0)
        for queue, depth in list(self._queues):
            if (observer := queue()) is not None:
                depth.set(observer.waiting())

    def _model(self, name: str) -> str:
        if name in self._models or len(self._models) < MOST_MODELS:
            self._models.add(name)
            return name
        return OTHERS

    def _latencies_of(self, model: str, api: str, entrypoint: str, signature: str) -> tuple[Histogram, Histogram]:
        labels = (model, api, entrypoint, signature)
        known = self._latencies.get(labels)
        if known is None:
            by_signature = self._signature_latency.labels(model, signature, api, entrypoint)
            known = self._latencies[labels] = (self._request_latency.labels(model, api, entrypoint), by_signature)
        return known

    def _counter(self, name: str, *labels: str) -> Counter:
        self._names[name.removesuffix("_total")] = name
        return Counter(name, name, labels, registry=self._registry)

    def _histogram(self, name: str, bounds: Iterable[float], *labels: str) -> Histogram:
        return Histogram(name, name, labels, buckets=list(bounds), registry=self._registry)

    def _gauge(self, name: str, *labels: str) -> Gauge:
        return Gauge(name, name, labels, multiprocess_mode="livesum", registry=self._registry)


class BatchMetrics:
    """Counts the batches of one version; an Observer of `batching.session`."""

    def __init__(
        self, waits: Histogram, runs: Counter, padding: Histogram, inputs: Histogram, sizes: Histogram
    ) -> None:
        self._waits, self._runs, self._padding = waits, runs, padding
        self._inputs, self._sizes = inputs, sizes
        self._counts: list[Callable[[], int]] = []

    def queued(self, seconds: float) -> None:
        """A request has waited this long."""
        self._waits.observe(seconds * MICROS)

    def processed(self, batch_size: int, padding: int) -> None:
        """A batch of this many rows, `padding` of them filled up, goes to the model."""
        self._runs.inc()
        self._padding.observe(padding)
        self._inputs.observe(batch_size - padding)
        self._sizes.observe(batch_size)

    def depth(self, count: Callable[[], int]) -> None:
        """`count` returns at any time how many tasks wait."""
        self._counts.append(count)

    def waiting(self) -> int:
        """Returns how many tasks wait now."""
        return sum(count() for count in self._counts)


def _line(sample: Sample, name: str) -> str:
    labels = ",".join(f'{label}="{_label(label, value)}"' for label, value in _with_bound_last(sample.labels))
    return f"{name}{{{labels}}} {_number(sample.value)}"


def _with_bound_last(labels: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(labels.items(), key=lambda item: item[0] == "le")


def _label(name: str, value: str) -> str:
    if name == "le" and value != "+Inf":
        return f"{float(value):g}"
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
