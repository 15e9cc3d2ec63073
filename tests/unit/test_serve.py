from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.server import flags
from serving.server.protos import monitoring_config_pb2, session_bundle_config_pb2
from tests.unit.samples import minimal, write
from tests.unit.test_cli import PENSTOCK, penstock

REAL = """#!/bin/sh
echo "$$ $@"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration, of which version 7 is pushed."""
    write(tmp_path / "taxi.yaml", minimal())
    (tmp_path / "var" / "taxi" / "serving" / "taxi" / "7").mkdir(parents=True)
    return tmp_path


def written(folder: Path) -> list[str]:
    """The files of the server, by their names."""
    return sorted(file.name for file in (folder / "var" / "taxi" / "serving" / ".server").glob("*"))


def run_with_real_server(folder: Path, *words: str) -> tuple[int, int, list[str]]:
    """Runs `serve` where tensorflow_model_server is on the PATH; returns its process, the server's, and its flags."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "tensorflow_model_server").write_text(REAL)
    (programs / "tensorflow_model_server").chmod(0o755)
    path = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    command: list[str | Path] = [PENSTOCK, "serve", "taxi.yaml", *words]
    with subprocess.Popen(command, cwd=folder, env=path, stdout=subprocess.PIPE, text=True) as process:
        lines = process.communicate()[0].splitlines()
    number, *given = lines[-1].split()
    return process.pid, int(number), given


def test_tensorflow_serving_is_used_where_it_is_installed(folder: Path) -> None:
    """The process becomes tensorflow_model_server, so that signals reach it, with ports and files that exist."""
    process, server, given = run_with_real_server(folder, "--port", "1234", "--rest-port", "2345")
    assert process == server
    named = dict(flag.split("=", 1) for flag in given)
    assert (named["--port"], named["--rest_api_port"]) == ("1234", "2345")
    config = text_format.Parse(
        Path(named["--model_config_file"]).read_text("utf-8"), model_server_config_pb2.ModelServerConfig()
    )
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("taxi", str(folder / "var" / "taxi" / "serving" / "taxi"))
    batching = Path(named["--batching_parameters_file"]).read_text("utf-8")
    assert text_format.Parse(batching, session_bundle_config_pb2.BatchingParameters()).max_batch_size.value > 0
    monitoring = Path(named["--monitoring_config_file"]).read_text("utf-8")
    assert text_format.Parse(monitoring, monitoring_config_pb2.MonitoringConfig()).prometheus_config.enable


def test_more_flags_are_passed_on(folder: Path) -> None:
    """What --flag names stands behind ours, with or without its dashes."""
    _, _, given = run_with_real_server(folder, "--flag", "num_load_threads=2", "--flag", "--enable_batching=false")
    assert given[-2:] == ["--num_load_threads=2", "--enable_batching=false"]


def test_without_it_penstocks_own_server_takes_the_same_flags(folder: Path) -> None:
    """A dry run prints the files and a command line that the embedded server understands, and writes nothing."""
    done = penstock("serve", "taxi.yaml", "--dry-run", cwd=folder)
    assert done.returncode == 0
    program, *words = done.stdout.splitlines()[-1].split()
    assert (program, words[:2]) == (sys.executable, ["-m", "serving.server.main"])
    parsed = flags.parse(words[2:])
    assert (parsed.port, parsed.rest_api_port) == (8500, 8501)
    assert "model_config_list {" in done.stdout
    assert written(folder) == []


def test_the_ports_are_the_configurations(folder: Path) -> None:
    """Without --port and --rest-port it is serving.grpc_port and serving.rest_port that are listened at."""
    done = penstock("serve", "taxi.yaml", "--dry-run", "--set", "serving.grpc_port=9000", cwd=folder)
    assert "--port=9000 --rest_api_port=8501" in done.stdout


def test_the_files_lie_beside_the_models(folder: Path) -> None:
    """They are no versions, and no model can be called as their folder is."""
    run_with_real_server(folder)
    assert written(folder) == ["batching.txt", "models.config", "monitoring.txt"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--workdir", "elsewhere"], "no version of 'taxi' is pushed there. Run penstock run taxi.yaml first."),
        (["--port", "8501"], "gRPC and REST are both to be answered at port 8501"),
        (["--port", "0"], "0 is not in the range 1<=x<=65535"),
        (["--set", "serving.versions=[6, 7]"], "serving.versions names 6, which is not there"),
    ],
)
def test_what_cannot_be_served_ends_with_2(folder: Path, words: list[str], says: str) -> None:
    """Nothing is pushed, one port for two, a version that is not there: told in a line, and no file is written."""
    done = penstock("serve", "taxi.yaml", *words, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert written(folder) == []
