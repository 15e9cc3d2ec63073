"""Lineage kept in PostgreSQL, reached directly and through a metadata server that goes down and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.components.readers.conftest import PostgreSQL, postgresql
from tests.e2e.conftest import Folder
from tests.metadata.servers import HERE, free_port, new_name, port_of, wait_for_port

__all__ = ["postgresql"]
pytestmark = pytest.mark.e2e
CHEAP = """
name: small
problem: binary
label: tips > 0.2 * fare
data: {path: trips.csv, splits: {train: 6, eval: 2, test: 2}}
schema: {path: taxi.pbtxt}
features: [{column: fare, role: numeric}, {column: payment_type, role: categorical}]
model: {epochs: 2, trees: 0}
gates: {data: {features: {trip_start_month: warn}}}
evaluation: {bars: {auc: {min: 0.6}}}
"""


@contextmanager
def metadata_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A metadata server on the folder's PostgreSQL, in a process of its own."""
    words = ["small.yaml", "postgresql.yaml", "--host", HERE, "--port", str(port)]
    program = [sys.executable, "-m", "pipeline.metadata_server", *words]
    with subprocess.Popen(program, cwd=folder, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port, process)
            yield process
        finally:
            process.kill()


@pytest.fixture
def port(folder: Folder, postgresql: PostgreSQL) -> int:  # the fixture that is imported
    """Gives the folder an overlay for PostgreSQL and one for a metadata server, and returns the server's port."""
    database = {"host": HERE, "port": port_of(postgresql), "database": new_name(), "user": "penstock"}
    database |= {"backend": "postgresql", "password_file": str(postgresql.password_file)}
    port = free_port()
    (folder.path / "small.yaml").write_text(CHEAP)
    (folder.path / "postgresql.yaml").write_text(json.dumps({"metadata": database}))
    (folder.path / "grpc.yaml").write_text(json.dumps({"metadata": {"backend": "grpc", "host": HERE, "port": port}}))
    return port


def test_a_run_survives_its_metadata_store(folder: Folder, port: int) -> None:
    """The store goes down in a run: it is named; when it is back the run goes on; PostgreSQL then has all results."""
    store = f"The metadata store, the metadata server at {HERE}:{port}, does not answer: connection refused."
    with metadata_server(folder.path, port) as server, folder.start("grpc.yaml") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        for line in running.stdout:
            if line.startswith("StatisticsGen: running"):
                server.kill()
        said = running.stderr.read()
    assert running.returncode == 1
    assert said.startswith(f"penstock: {store}")
    assert "penstock run --resume" in said
    assert "Traceback" not in said

    down = folder.run("grpc.yaml")
    assert (down.returncode, down.stdout) == (1, "")
    assert down.stderr.startswith(f"penstock: {store}")

    with metadata_server(folder.path, port):
        resumed = folder.run("grpc.yaml", "--resume")
        listed = folder.penstock("runs", "list", "small.yaml", "grpc.yaml", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert "ExampleGen: cached" in resumed.stdout
    assert [run["state"] for run in json.loads(listed.stdout)] == ["done", "interrupted"]

    again = folder.run("postgresql.yaml", "--json")
    assert again.returncode == 0, again.stderr
    steps = json.loads(again.stdout)["steps"]
    assert {step["name"] for step in steps if step["state"] != "cached"} - {"Report"} == {"Pusher"}
    shown = json.loads(folder.penstock("runs", "show", "small.yaml", "postgresql.yaml", "--json").stdout)
    assert shown["pushed"]
