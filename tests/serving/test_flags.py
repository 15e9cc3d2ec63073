from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.server.flags import ABSENT, Flags, parse

BASE = "--model_base_path=/models/m"
CPUS = os.cpu_count() or 1
# tensorflow_model_server's, and their defaults (main.cc); None where no file is named.
UPSTREAM: dict[str, Any] = {
    "port": 8500,
    "grpc_socket_path": "",
    "rest_api_port": 0,
    "rest_api_num_threads": 4 * CPUS,
    "rest_api_timeout_in_ms": 30000,
    "rest_api_enable_cors_support": False,
    "enable_batching": False,
    "batching_parameters_file": None,
    "enable_per_model_batching_parameters": False,
    "allow_version_labels_for_unavailable_models": False,
    "model_config_file": None,
    "model_config_file_poll_wait_seconds": 0,
    "model_name": "default",
    "model_base_path": "",
    "num_load_threads": 0,
    "num_unload_threads": 0,
    "max_num_load_retries": 5,
    "load_retry_interval_micros": 60_000_000,
    "file_system_poll_wait_seconds": 1,
    "flush_filesystem_caches": True,
    "tensorflow_session_parallelism": 0,
    "tensorflow_intra_op_parallelism": 0,
    "tensorflow_inter_op_parallelism": 0,
    "tensorflow_session_config_file": "",
    "use_alts_credentials": False,
    "ssl_config_file": None,
    "platform_config_file": "",
    "per_process_gpu_memory_fraction": 0.0,
    "saved_model_tags": "serve",
    "grpc_channel_arguments": "",
    "grpc_max_threads": 4 * CPUS,
    "enable_model_warmup": True,
    "num_request_iterations_for_warmup": 0,
    "version": False,
    "monitoring_config_file": None,
    "remove_unused_fields_from_bundle_metagraph": True,
    "prefer_tflite_model": False,
    "num_tflite_pools": CPUS,
    "num_tflite_interpreters_per_pool": 1,
    "enable_signature_method_name_check": False,
    "xla_cpu_compilation_enabled": False,
    "xla_gpu_compilation_enabled": False,
    "enable_profiler": True,
    "thread_pool_factory_config_file": "",
    "mixed_precision": "",
    "skip_initialize_tpu": False,
    "enable_grpc_healthcheck_service": False,
    "enable_serialization_as_tensor_content": False,
}
OURS = {
    "workers": 1,
    "reuse_port": False,
    "rest_api_ssl_certificate_file": None,
    "rest_api_ssl_key_file": None,
    "rest_api_bearer_token_file": None,
    "rest_api_enable_health_check": False,
    "rest_api_enable_model_list": False,
    "request_log_path": None,
    "request_log_sampling_rate": 0.01,
    "shutdown_grace_seconds": 30.0,
}
SHARED = sorted(UPSTREAM.keys() - ABSENT)
SWITCHES = sorted(flag.name for flag in fields(Flags) if isinstance(flag.default, bool))


def refused(*words: str) -> str:
    """What is wrong with a command line."""
    with pytest.raises(click.UsageError) as error:
        parse(words)
    return error.value.format_message()


def test_every_flag_of_upstream_is_known() -> None:
    """Each of tensorflow_model_server's flags is taken or refused by name, and there are no others than ours."""
    names = {flag.name for flag in fields(Flags)}
    assert not names & ABSENT
    assert names | ABSENT == UPSTREAM.keys() | OURS.keys()
    assert UPSTREAM.keys() >= ABSENT


@pytest.mark.parametrize("name", SHARED)
def test_defaults_are_upstreams(name: str) -> None:
    """A flag that is not given is what it is for tensorflow_model_server."""
    assert getattr(parse([BASE] if name != "model_base_path" else ["--version"]), name) == UPSTREAM[name]


@pytest.mark.parametrize("name", OURS)
def test_what_upstream_has_not_is_off(name: str) -> None:
    """Ours change nothing unless they are given."""
    assert getattr(parse([BASE]), name) == OURS[name]


@pytest.mark.parametrize("name", SHARED)
def test_giving_a_default_changes_nothing(name: str) -> None:
    """A start script may name every flag."""
    default = UPSTREAM[name]
    if default is None or name == "model_base_path":
        return
    text = str(default).lower() if isinstance(default, bool) else str(default)
    assert parse([BASE, f"--{name}={text}"]) == parse([BASE])


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize(
    ("form", "value"), [("", True), ("=true", True), ("=false", False), ("=1", True), ("=0", False)]
)
def test_forms_of_a_switch(name: str, form: str, value: bool) -> None:  # noqa: FBT001  # a parameter
    """A switch alone is true; it may say true or false, in any place of the line."""
    for words in ([f"--{name}{form}", BASE], [BASE, f"--{name}{form}"]):
        assert getattr(parse(words), name) is value


def test_a_word_after_a_space_is_a_value() -> None:
    """Flags and values may be two words, and the last of several counts."""
    flags = parse(["--model_base_path", "/models/m", "--port", "1", "--enable_batching", "false", "--port=2"])
    assert (flags.model_base_path, flags.port, flags.enable_batching) == ("/models/m", 2, False)


def test_a_switch_takes_no_flag_for_its_value() -> None:
    """The flag after a switch is a flag."""
    flags = parse(["--enable_batching", "--rest_api_port=8501", BASE])
    assert (flags.enable_batching, flags.rest_api_port) == (True, 8501)


@given(st.integers(-1, 65535), st.floats(0, 1), st.text("abc/=- "))
def test_values_of_every_kind(port: int, rate: float, name: str) -> None:
    """Numbers and texts are read as they are written, with = in them too."""
    words = [f"--rest_api_port={port}", f"--request_log_sampling_rate={rate!r}", f"--model_name={name}"]
    flags = parse([BASE, "--port=0", *words])
    assert (flags.rest_api_port, flags.request_log_sampling_rate, flags.model_name) == (port, rate, name)


def test_files_are_paths(tmp_path: Path) -> None:
    """A file's name comes as a path, whether there is such a file or not; a folder is none."""
    assert parse([f"--model_config_file={tmp_path}/models"]).model_config_file == tmp_path / "models"
    assert "is a directory" in refused(f"--model_config_file={tmp_path}")


def test_tags() -> None:
    """Tags come with commas between them."""
    assert parse([BASE, "--saved_model_tags=serve,gpu"]).tags == ("serve", "gpu")
    assert parse([BASE]).tags == ("serve",)
    assert parse([BASE, "--saved_model_tags="]).tags == ()


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_upstreams_flags_without_a_meaning(name: str) -> None:
    """They are refused by name, so that nobody thinks they were heeded; with a value and without."""
    for form in ("", "=1"):
        assert refused(BASE, f"--{name}{form}").startswith(
            f"--{name} is tensorflow_model_server's, and has no meaning here."
        )


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--rest_api_prt=8501", "There is no flag --rest_api_prt. Did you mean --rest_api_port?"),
        ("--enable_batchin", "There is no flag --enable_batchin. Did you mean --enable_batching?"),
        ("--zzz", "There is no flag --zzz."),
        ("--", "There is no flag --."),
        ("-p", "No such option"),
        ("models", "unexpected extra argument (models)"),
        ("--port=http", "'http' is not a valid integer"),
        ("--port=", "'' is not a valid integer"),
        ("--enable_batching=maybe", "'maybe' is not a valid boolean"),
        ("--request_log_sampling_rate=1.5", "1.5 is not in the range 0<=x<=1"),
        ("--workers=0", "0 is not in the range x>=1"),
    ],
)
def test_words_that_are_no_flags(word: str, message: str) -> None:
    """The error names what was given, and what is near to it."""
    assert message in refused(BASE, word)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Nothing to serve: give --model_base_path or --model_config_file."),
        ([BASE, "--batching_parameters_file=b"], "--batching_parameters_file is read only with --enable_batching."),
        ([BASE, "--rest_api_ssl_key_file=k"], "TLS for REST needs both"),
        ([BASE, "--rest_api_ssl_certificate_file=c"], "TLS for REST needs both"),
        ([BASE, "--workers=2", "--port=0"], "--workers share their ports"),
        ([BASE, "--workers=2", "--rest_api_port=-1"], "--workers share their ports"),
        ([BASE, "--rest_api_port=8500"], "--port and --rest_api_port are both 8500."),
        ([BASE, "--port=9000", "--rest_api_port=9000"], "--port and --rest_api_port are both 9000."),
    ],
)
def test_flags_that_do_not_go_together(words: list[str], message: str) -> None:
    """Each such line is refused before anything is loaded."""
    assert message in refused(*words)


@pytest.mark.parametrize(
    "words",
    [
        ["--model_config_file=models"],
        [BASE, "--enable_batching", "--batching_parameters_file=b"],
        [BASE, "--rest_api_ssl_certificate_file=c", "--rest_api_ssl_key_file=k"],
        [BASE, "--workers=2", "--rest_api_port=8501"],
        [BASE, "--workers=2"],
        [BASE, "--port=0", "--rest_api_port=0"],
        ["--version"],
    ],
)
def test_flags_that_do(words: list[str]) -> None:
    """And lines next to those are not."""
    assert isinstance(parse(words), Flags)


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """--help tells of every flag."""
    with pytest.raises(click.exceptions.Exit):
        parse(["--help"])
    told = capsys.readouterr().out
    assert all(f"--{flag.name}" in told for flag in fields(Flags))


def test_no_tensorflow_for_a_wrong_flag() -> None:
    """The flags are read without importing TensorFlow, which takes seconds."""
    script = "import sys, serving.server.flags; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, cwd=Path(__file__).parents[2]).returncode == 0
