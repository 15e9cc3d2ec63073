"""The model server: what its flags say, put together, started and stopped."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import text_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from schema.errors import UsageError
from serving.server.batching import parameters as batching_parameters
from serving.server.batching.scheduler import SharedBatchScheduler
from serving.server.direct_methods import DirectMethods
from serving.server.flags import CPUS, Flags
from serving.server.grpc_services import ModelService, PredictionService
from serving.server.health import HealthService
from serving.server.lifecycle import config as configs
from serving.server.lifecycle.core import Core, CoreOptions
from serving.server.loading import Batching, VersionLoader
from serving.server.metrics import Metrics
from serving.server.protos.monitoring_config_pb2 import MonitoringConfig
from serving.server.protos.ssl_config_pb2 import SSLConfig
from serving.server.request_log import RequestLogOptions, options_of
from serving.server.request_logs import RequestLogs
from serving.server.rest.app import RestServer
from serving.server.rest.options import METRICS_PATH, RestOptions
from serving.server.saved_model import SessionOptions

log = logging.getLogger(__name__)
OTHER_METHODS_THREADS = 8  # for what is asked now and then: states, reloads, health and those who watch it
SERVICES = ("", "ModelService", "PredictionService")  # as upstream names them to grpc.health.v1: without their package


class ModelServer:
    """Serves what its flags say.

    Attributes:
      port: where gRPC listens, once it has started.
      rest_port: where REST does; 0 for nowhere.
    """

    def __init__(self, flags: Flags, metrics: Metrics) -> None:
        """Reads the files that the flags name.

        Raises:
          UsageError, StatusError: one of them is not as it should be.
        """
        self._flags = flags
        self._metrics = metrics
        self._config = _model_config(flags)
        self._batching = _batching(flags)
        self._credentials = _credentials(flags.ssl_config_file) if flags.ssl_config_file else None
        iterations = max(1, flags.num_request_iterations_for_warmup) if flags.enable_model_warmup else 0
        loader = VersionLoader(_session_options(flags), metrics, self._batching, iterations)
        self._core = Core(loader, _core_options(flags))
        self._health = HealthService()
        configured = _configured_logs(self._config)
        self._logs = RequestLogs(flags.request_log_path, flags.request_log_sampling_rate, metrics.logged, configured)
        self._grpc = self._grpc_server()
        self._predictions = self._direct_methods()
        self._rest = RestServer(self._core, _rest_options(flags), metrics, self._logs) if flags.rest_api_port else None
        self.port = self.rest_port = 0

    def start(self) -> None:
        """Loads the models, and opens the ports once each of them can be called.

        Raises:
          StatusError: a model cannot be loaded.
          OSError: a port is taken.
        """
        self.load()
        self.open()

    def load(self) -> None:
        """Returns when every model can be called.

        Raises:
          StatusError: one cannot be loaded.
        """
        self._core.start(self._config)

    def open(self) -> None:
        """Opens the ports.

        Raises:
          OSError: one is taken.
        """
        self.port = self._listen()
        self._grpc.start()
        self._predictions.start()
        log.info("Running gRPC ModelServer at 0.0.0.0:%d ...", self.port)
        if self._rest:
            self._rest.start()
            self.rest_port = self._rest.port
            log.info("Exporting HTTP/REST API at:localhost:%d ...", self.rest_port)
        for service in SERVICES:
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    def stop(self) -> None:
        """Takes no more requests, answers those that have come, and gives the models' memory back."""
        self.drain()
        self.close()

    def drain(self) -> bool:
        """Takes no more requests, and tells whether those that had come were answered within the grace."""
        log.info("Stopping: no more requests are taken, and those in flight are answered.")
        began, grace = time.monotonic(), self._flags.shutdown_grace_seconds
        self._health.end()
        stopped = self._grpc.stop(grace)
        if self._rest:
            self._rest.stop(grace)
        stopped.wait()
        self._logs.close()
        return time.monotonic() - began < grace

    def close(self) -> None:
        """Gives the models' memory back; waits for calls of models and for loads, which cannot be told to stop."""
        self._predictions.close()
        self._core.stop()
        if self._batching:
            self._batching.scheduler.close()

    def _grpc_server(self) -> grpc.Server:
        flags = self._flags
        server = grpc.server(
            ThreadPoolExecutor(OTHER_METHODS_THREADS, "grpc_others"),
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", int(flags.reuse_port)),
            ],
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(self._core, reloads=not flags.reuse_port), server
        )
        if flags.enable_grpc_healthcheck_service:
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        return server

    def _direct_methods(self) -> DirectMethods:
        content = self._flags.enable_serialization_as_tensor_content
        service = PredictionService(self._core, self._metrics, self._logs, tensor_content=content)
        return DirectMethods(self._grpc, service.methods(), _threads(self._flags, self._flags.grpc_max_threads))

    def _listen(self) -> int:
        address, tls = f"[::]:{self._flags.port}", self._credentials
        try:
            port: int = self._grpc.add_secure_port(address, tls) if tls else self._grpc.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"Port {self._flags.port} cannot be listened at: {error}") from None
        return port


def _model_config(flags: Flags) -> ModelServerConfig:
    if flags.model_config_file:
        return configs.read(flags.model_config_file)
    return configs.single(flags.model_name, flags.model_base_path)


def _configured_logs(config: ModelServerConfig) -> dict[str, RequestLogOptions]:
    models = config.model_config_list.config
    return {model.name: options_of(model.logging_config) for model in models if model.HasField("logging_config")}


def _core_options(flags: Flags) -> CoreOptions:
    return CoreOptions(
        file_system_poll_wait_seconds=flags.file_system_poll_wait_seconds,
        max_num_load_retries=flags.max_num_load_retries,
        load_retry_interval_micros=flags.load_retry_interval_micros,
        allow_version_labels_for_unavailable_models=flags.allow_version_labels_for_unavailable_models,
        model_config_file=flags.model_config_file,
        model_config_file_poll_wait_seconds=flags.model_config_file_poll_wait_seconds,
        num_load_threads=flags.num_load_threads,
    )


def _session_options(flags: Flags) -> SessionOptions:
    return SessionOptions(
        flags.tags,
        flags.tensorflow_intra_op_parallelism,
        flags.tensorflow_inter_op_parallelism,
        flags.per_process_gpu_memory_fraction,
        flags.enable_signature_method_name_check,
    )


def _batching(flags: Flags) -> Batching | None:
    if not flags.enable_batching:
        return None
    file = flags.batching_parameters_file
    found = batching_parameters.read(file) if file else batching_parameters.Parameters()
    return Batching(SharedBatchScheduler(found.num_batch_threads, found.thread_pool_name), found)


def _threads(flags: Flags, most: int) -> int:
    """Returns how many requests are worked on: without batching, more than cores only get in each other's way."""
    return most if flags.enable_batching else min(most, CPUS + 1)


def _rest_options(flags: Flags) -> RestOptions:
    token = flags.rest_api_bearer_token_file
    return RestOptions(
        port=max(flags.rest_api_port, 0),
        num_threads=_threads(flags, flags.rest_api_num_threads),
        timeout_in_ms=flags.rest_api_timeout_in_ms,
        enable_cors_support=flags.rest_api_enable_cors_support,
        metrics_path=_metrics_path(flags.monitoring_config_file) if flags.monitoring_config_file else None,
        reuse_port=flags.reuse_port,
        health=flags.rest_api_enable_health_check,
        list_models=flags.rest_api_enable_model_list,
        bearer_token=_text(token).strip() if token else None,
        tls_certificate=flags.rest_api_ssl_certificate_file,
        tls_key=flags.rest_api_ssl_key_file,
    )


def _metrics_path(file: Path) -> str | None:
    prometheus = _message(file, MonitoringConfig()).prometheus_config
    return (prometheus.path or METRICS_PATH) if prometheus.enable else None


def _credentials(file: Path) -> grpc.ServerCredentials:
    config = _message(file, SSLConfig())
    pair = (config.server_key.encode(), config.server_cert.encode())
    authority = config.custom_ca.encode() or None
    try:
        return grpc.ssl_server_credentials((pair,), authority, require_client_auth=config.client_verify)
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from None


def _message(file: Path, message: Any) -> Any:
    try:
        return text_format.Parse(_text(file), message)
    except text_format.ParseError as error:
        raise UsageError(f"{file}: is no {message.DESCRIPTOR.full_name} as text: {error}") from None


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from None
