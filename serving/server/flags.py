"""The flags of tensorflow_model_server that make sense here, and those that only this server has.

tensorflow_serving/model_servers/main.cc; names, defaults and meaning are the same.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import click

CPUS = os.cpu_count() or 1
ABSENT = {
    "enable_per_model_batching_parameters",
    "grpc_socket_path",
    "num_unload_threads",
    "flush_filesystem_caches",
    "tensorflow_session_config_file",
    "use_alts_credentials",
    "platform_config_file",
    "grpc_channel_arguments",
    "remove_unused_fields_from_bundle_metagraph",
    "prefer_tflite_model",
    "num_tflite_pools",
    "num_tflite_interpreters_per_pool",
    "xla_cpu_compilation_enabled",
    "xla_gpu_compilation_enabled",
    "enable_profiler",
    "thread_pool_factory_config_file",
    "mixed_precision",
    "skip_initialize_tpu",
    "tensorflow_session_parallelism",
}


HELP = "Serve SavedModels to TensorFlow Serving's clients. Flags are tensorflow_model_server's; from --workers on ours."
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@dataclass(frozen=True)
class Flags:
    """What the server is told on its command line."""

    port: Annotated[int, "where gRPC listens; 0 for a port that is free"] = 8500
    rest_api_port: Annotated[int, "where REST listens; 0 for none, -1 for a port that is free"] = 0
    rest_api_num_threads: Annotated[
        int, "how many REST requests are worked on at a time; without batching, cores + 1 at most"
    ] = 4 * CPUS
    rest_api_timeout_in_ms: Annotated[int, "how long a REST request may take"] = 30_000
    rest_api_enable_cors_support: Annotated[bool, "answer with the headers that pages of other origins need"] = False
    model_name: Annotated[str, "the model's name; not read with --model_config_file"] = "default"
    model_base_path: Annotated[str, "the folder of its versions; not read with --model_config_file"] = ""
    model_config_file: Annotated[Path | None, "models to serve: a ModelServerConfig as text", FILE] = None
    model_config_file_poll_wait_seconds: Annotated[float, "how often that file is read again; 0 for never"] = 0.0
    file_system_poll_wait_seconds: Annotated[
        float, "how often folders are looked through for new versions; 0: once"
    ] = 1.0
    allow_version_labels_for_unavailable_models: Annotated[bool, "new labels may name versions not yet loaded"] = False
    num_load_threads: Annotated[int, "how many versions load at a time once the server runs; 0 for one"] = 0
    max_num_load_retries: Annotated[int, "how often a version that fails is tried again"] = 5
    load_retry_interval_micros: Annotated[int, "how long it waits between those"] = 60_000_000
    enable_batching: Annotated[bool, "let requests share calls of the model"] = False
    batching_parameters_file: Annotated[Path | None, "how: BatchingParameters as text", FILE] = None
    enable_model_warmup: Annotated[bool, "replay a version's warm-up requests before it is served"] = True
    num_request_iterations_for_warmup: Annotated[int, "how often each; 0 for once"] = 0
    monitoring_config_file: Annotated[
        Path | None, "whether Prometheus may read metrics: a MonitoringConfig as text", FILE
    ] = None
    saved_model_tags: Annotated[str, "which graph of a SavedModel is loaded, by its tags, with commas between"] = (
        "serve"
    )
    tensorflow_intra_op_parallelism: Annotated[int, "threads of one operation; 0: as many as cores"] = 0
    tensorflow_inter_op_parallelism: Annotated[int, "threads for operations side by side; 0: as many as cores"] = 0
    per_process_gpu_memory_fraction: Annotated[float, "how much of a GPU's memory is taken; 0: as TensorFlow does"] = (
        0.0
    )
    grpc_max_threads: Annotated[
        int, "how many gRPC requests are worked on at a time; without batching, cores + 1 at most"
    ] = 4 * CPUS
    ssl_config_file: Annotated[Path | None, "TLS for gRPC: an SSLConfig as text", FILE] = None
    enable_grpc_healthcheck_service: Annotated[bool, "serve grpc.health.v1"] = False
    enable_signature_method_name_check: Annotated[bool, "signatures must say what they are made for"] = False
    enable_serialization_as_tensor_content: Annotated[bool, "answers over gRPC carry tensor_content"] = False
    version: Annotated[bool, "print the version and stop"] = False
    # Beyond tensorflow_model_server; off unless asked for.
    workers: Annotated[
        int, "processes on the same ports, each with the models in its own memory", click.IntRange(1)
    ] = 1
    reuse_port: Annotated[bool, "let other processes listen on the same ports, as those of --workers do"] = False
    rest_api_ssl_certificate_file: Annotated[Path | None, "TLS for REST: the server's certificates, PEM", FILE] = None
    rest_api_ssl_key_file: Annotated[Path | None, "TLS for REST: their private key, PEM", FILE] = None
    rest_api_bearer_token_file: Annotated[Path | None, "a token that REST requests must bear", FILE] = None
    rest_api_enable_health_check: Annotated[bool, "answer at /healthz and /readyz"] = False
    rest_api_enable_model_list: Annotated[bool, "answer at /v1/models with the names of the models"] = False
    request_log_path: Annotated[Path | None, "a folder for files of sampled requests", FOLDER] = None
    request_log_sampling_rate: Annotated[float, "which part of the requests", click.FloatRange(0, 1)] = 0.01
    shutdown_grace_seconds: Annotated[float, "how long requests in flight may take when the server is told to stop"] = (
        30.0
    )

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of saved_model_tags."""
        return tuple(tag for tag in self.saved_model_tags.split(",") if tag)


def parse(words: Sequence[str]) -> Flags:
    """Returns the flags of a command line: --flag=value or --flag value; true and false may be left out, for true.

    Raises:
      click.UsageError: a flag is unknown, or its value is none.
    """
    command = click.Command("penstock-model-server", params=_options(), help=HELP)
    _refuse_unknown(words)
    with command.make_context("penstock-model-server", list(words)) as context:
        flags = Flags(**context.params)
    _check(flags)
    return flags


def _options() -> list[click.Parameter]:
    hints = get_type_hints(Flags, include_extras=True)
    return [_option(flag.name, flag.default, *hints[flag.name].__metadata__) for flag in fields(Flags)]


def _option(name: str, default: Any, says: str, kind: click.ParamType[Any] | None = None) -> click.Option:
    if isinstance(default, bool):
        return click.Option([f"--{name}"], type=bool, is_flag=False, flag_value=True, default=default, help=says)
    return click.Option([f"--{name}"], type=kind, default=default, help=says, show_default=default is not None)


def _refuse_unknown(words: Sequence[str]) -> None:
    known = {flag.name for flag in fields(Flags)}
    for word in words:
        name = word[2:].split("=")[0]
        if not word.startswith("--") or name in known or name == "help":
            continue
        if name in ABSENT:
            raise click.UsageError(f"--{name} is tensorflow_model_server's, and has no meaning here. Leave it out.")
        near = difflib.get_close_matches(name, known, 1)
        raise click.UsageError(f"There is no flag --{name}." + (f" Did you mean --{near[0]}?" if near else ""))


def _check(flags: Flags) -> None:
    if not flags.version and not flags.model_config_file and not flags.model_base_path:
        raise click.UsageError("Nothing to serve: give --model_base_path or --model_config_file.")
    if flags.batching_parameters_file and not flags.enable_batching:
        raise click.UsageError("--batching_parameters_file is read only with --enable_batching.")
    if (flags.rest_api_ssl_certificate_file is None) != (flags.rest_api_ssl_key_file is None):
        raise click.UsageError("TLS for REST needs both --rest_api_ssl_certificate_file and --rest_api_ssl_key_file.")
    if flags.workers > 1 and not (flags.port > 0 and flags.rest_api_port >= 0):
        raise click.UsageError("--workers share their ports: give --port and --rest_api_port as numbers above 0.")
    if flags.rest_api_port == flags.port and flags.port:
        raise click.UsageError(f"--port and --rest_api_port are both {flags.port}. Give them two ports.")
