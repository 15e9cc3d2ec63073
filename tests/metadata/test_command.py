"""penstock-metadata-server as a program."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.lineage import Lineage
from pipeline.metadata import sqlite_config
from pipeline.metadata_server.main import command
from schema.errors import PenstockError, UsageError
from tests.metadata.servers import HERE, PATIENCE, connection_to, free_port, wait_for_port

CONFIG = """
name: small
problem: binary
label: tips > 0
data: {path: trips.csv, splits: {train: 6, eval: 2, test: 2}}
features: [{column: fare, role: numeric}]
metadata: {backend: grpc, host: elsewhere}
"""


def refusal(words: Sequence[str]) -> PenstockError:
    """The error that a command line ends with."""
    with pytest.raises(PenstockError) as caught:
        command.main(list(words), standalone_mode=False)
    return caught.value


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """On a SQLite file it answers MLMD's clients, and ends with exit code 0 at SIGTERM; what was written stays."""
    file, port = tmp_path / "lineage" / "metadata.db", free_port()
    words = ["--sqlite", str(file), "--host", HERE, "--port", str(port)]
    program = [sys.executable, "-m", "pipeline.metadata_server", *words]
    with subprocess.Popen(program, stderr=subprocess.PIPE) as process:
        wait_for_port(port, process)
        assert Lineage(connection_to(backend="grpc", host=HERE, port=port), "taxi").runs() == []
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert f"SQLite's file {file}, served at {HERE}:{port}" in said.decode()
    assert Lineage(sqlite_config(file), "taxi").runs() == []


def test_one_store_must_be_named(tmp_path: Path) -> None:
    """Neither a configuration nor a file, or both, is wrong usage."""
    assert isinstance(refusal([]), UsageError)
    assert isinstance(refusal([str(tmp_path / "a.yaml"), "--sqlite", str(tmp_path / "b.db")]), UsageError)


def test_a_server_does_not_stand_before_a_server(tmp_path: Path) -> None:
    """A configuration whose store is a metadata server is refused by its key."""
    (tmp_path / "small.yaml").write_text(CONFIG)
    error = refusal([str(tmp_path / "small.yaml")])
    assert isinstance(error, UsageError)
    assert "metadata.backend is 'grpc'" in str(error)


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A SQLite file under a path that is no folder, and a folder in its place, are told by name."""
    (tmp_path / "file").touch()
    under = tmp_path / "file" / "metadata.db"
    assert str(refusal(["--sqlite", str(under)])).startswith(f"{under}: ")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A file that is no SQLite database is told by name."""
    file = tmp_path / "text.db"
    file.write_text("no database, but a text that is long enough to be looked at as one" * 100)
    assert f"SQLite's file {file}, does not answer: " in str(refusal(["--sqlite", str(file)]))


def test_a_database_that_is_down_is_named(tmp_path: Path) -> None:
    """A database behind the server that does not answer is told with its address, before anything listens."""
    port = free_port()
    (tmp_path / "small.yaml").write_text(CONFIG)
    settings = {"backend": "mysql", "host": HERE, "port": port, "database": "mlmd", "user": "me"}
    words = [word for key, value in settings.items() for word in ("--set", f"metadata.{key}={value}")]
    error = refusal([str(tmp_path / "small.yaml"), *words])
    assert f"MySQL at {HERE}:{port}, database mlmd, does not answer: connection refused" in str(error)
