"""What TensorFlow Serving is told: its flags, its three text files, and the question whether a model is loaded."""

from __future__ import annotations

import json

from serving.deploy.model import Model
from serving.settings import Serving

FOLDER = "/etc/model-server"
METRICS_PATH = "/monitoring/prometheus/metrics"
THREADS_PER_CPU = 32  # a request holds its thread while it waits for its batch, and waiting costs no CPU
LEAST_THREADS = 64
GPU_MICROS = 2000
LEAST_PADDED = 32  # rows; below it a GPU takes no longer for more
CONFIG_SECONDS = 30
LOCAL_SECONDS, REMOTE_SECONDS = 1, 60  # each look into a bucket is paid for


def flags(model: Model, base_path: str, grpc_port: int, rest_port: int, folder: str = FOLDER) -> list[str]:
    """Returns the flags of `tensorflow_model_server`, whose text files lie in `folder`.

    Thread counts are given because the server's own defaults count the cores of the node, not of the container.
    """
    serving, cpus = model.serving, model.deploy.cpus
    threads = max(LEAST_THREADS, THREADS_PER_CPU * cpus)
    given = {
        "port": grpc_port,
        "rest_api_port": rest_port,
        "model_config_file": f"{folder}/models.config",
        "model_config_file_poll_wait_seconds": CONFIG_SECONDS,
        "monitoring_config_file": f"{folder}/monitoring.txt",
        "file_system_poll_wait_seconds": REMOTE_SECONDS if "://" in base_path else LOCAL_SECONDS,
        "enable_model_warmup": "true",
        "enable_grpc_healthcheck_service": "true",
        "grpc_max_threads": threads,
        "rest_api_num_threads": threads,
        "tensorflow_intra_op_parallelism": cpus,
        "tensorflow_inter_op_parallelism": cpus,
    }
    if serving.batching.enabled:
        given |= {"enable_batching": "true", "batching_parameters_file": f"{folder}/batching.txt"}
    if serving.labels:  # a label of the first configuration points to what is not loaded yet
        given |= {"allow_version_labels_for_unavailable_models": "true"}
    return [f"--{flag}={value}" for flag, value in given.items()]


def config_files(model: Model, base_path: str) -> dict[str, str]:
    """Returns the text files by name."""
    files = {"models.config": models_config(model, base_path), "monitoring.txt": monitoring()}
    return files | ({"batching.txt": batching(model)} if model.serving.batching.enabled else {})


def models_config(model: Model, base_path: str) -> str:
    """Returns the ModelServerConfig (tensorflow_serving/config/model_server_config.proto)."""
    serving = model.serving
    labels = (f"version_labels {{ key: {_quoted(label)} value: {v} }}" for label, v in serving.labels.items())
    lines = (
        f"name: {_quoted(model.name)}",
        f"base_path: {_quoted(base_path)}",
        'model_platform: "tensorflow"',
        f"model_version_policy {{ {version_policy(serving)} }}",
        *labels,
    )
    inner = "".join(f"    {line}\n" for line in lines)
    return f"model_config_list {{\n  config {{\n{inner}  }}\n}}\n"


def version_policy(serving: Serving) -> str:
    """Returns the ServableVersionPolicy: just the versions that are named, or the latest."""
    if serving.versions:
        return f"specific {{ {' '.join(f'versions: {version}' for version in serving.versions)} }}"
    return f"latest {{ num_versions: {serving.latest_versions} }}"


def batching(model: Model) -> str:
    """Returns the BatchingParameters (session_bundle_config.proto), tuned as their README has it.

    On a CPU rows gather while all threads are busy, so nothing waits, and large requests are split. On a GPU a batch
    waits a little, and is filled up to a power of two, so that kernels are chosen for a few shapes only. The server
    refuses both at once: it wants the last allowed size to be max_batch_size.
    """
    asked = model.serving.batching
    rows = asked.execution_batch_size(on_gpu=model.on_gpu)
    timeout = asked.batch_timeout_micros
    numbers = {
        "max_batch_size": asked.max_batch_size,
        "batch_timeout_micros": timeout if timeout is not None else GPU_MICROS if model.on_gpu else 0,
        "num_batch_threads": asked.num_batch_threads or model.deploy.cpus,
        "max_enqueued_batches": asked.max_enqueued_batches,
    }
    lines = [f"{name} {{ value: {number} }}" for name, number in numbers.items()]
    if rows:
        lines += ["enable_large_batch_splitting { value: true }", f"max_execution_batch_size {{ value: {rows} }}"]
    else:
        lines += [f"allowed_batch_sizes: {size}" for size in padded_sizes(asked.max_batch_size)]
    return "\n".join(lines) + "\n"


def padded_sizes(largest: int) -> list[int]:
    """Returns the powers of two from LEAST_PADDED below `largest`, and it."""
    sizes = [LEAST_PADDED]
    while sizes[-1] * 2 < largest:
        sizes.append(sizes[-1] * 2)
    return [size for size in sizes if size < largest] + [largest]


def monitoring() -> str:
    """Returns the MonitoringConfig: Prometheus reads the metrics on the REST port."""
    return f'prometheus_config {{ enable: true path: "{METRICS_PATH}" }}\n'


def is_loaded(model: Model, rest_port: int) -> list[str]:
    """Returns a command that succeeds while a version of the model is AVAILABLE.

    The status of a model is HTTP 200 whatever its state, so an HTTP probe cannot tell; the image has neither curl nor
    wget, and bash speaks TCP.
    """
    request = f"GET /v1/models/{model.name} HTTP/1.0\\r\\n\\r\\n"
    script = f"exec 3<>/dev/tcp/127.0.0.1/{rest_port} && printf '{request}' >&3 && grep -q '\"AVAILABLE\"' <&3"
    return ["bash", "-c", script]


def _quoted(text: str) -> str:
    """The text as a string of protobuf's text format."""
    return json.dumps(text, ensure_ascii=False)
