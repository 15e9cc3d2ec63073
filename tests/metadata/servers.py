"""Databases and metadata servers of the tests' own."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from ml_metadata.proto import metadata_store_pb2

from pipeline.config import Metadata
from pipeline.metadata import Connection, connection_config
from pipeline.metadata_server.server import Address, MetadataServer
from pipeline.metadata_server.store import Store
from pipeline.workdir import Workdir
from tests.components.readers.conftest import PASSWORD, PostgreSQL

HERE = "127.0.0.1"
PATIENCE = 60  # seconds after which a test that would hang fails instead
MARIADB = Path("/usr/sbin/mariadbd")
MARIADB_CLIENT = Path("/usr/bin/my_print_defaults")  # which mariadb-install-db calls
_numbers = itertools.count()


def connection_to(**settings: object) -> Connection:
    """Returns the connection that a configuration's section metadata describes."""
    return connection_config(Metadata.model_validate(settings), Workdir(Path("/nowhere")))


def in_memory() -> Connection:
    """Returns the connection to a store of nobody else's."""
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.SetInParent()
    return connection


def on_postgresql(server: PostgreSQL) -> Connection:
    """Returns the connection to a database that is not there yet."""
    file = str(server.password_file)
    return connection_to(
        backend="postgresql", host=HERE, port=port_of(server), database=new_name(), user="penstock", password_file=file
    )


def on_mysql(port: int) -> Connection:
    """Returns the connection to a database that is not there yet."""
    return connection_to(backend="mysql", host=HERE, port=port, database=new_name(), user="root")


@contextmanager
def served(connection: Connection) -> Iterator[Connection]:
    """A metadata server in this process, and the connection to it."""
    server = MetadataServer(Store(connection), Address(HERE, 0))
    try:
        yield connection_to(backend="grpc", host=HERE, port=server.port)
    finally:
        server.stop(0)


@contextmanager
def mariadb() -> Iterator[int]:
    """A throw-away MariaDB, by the binaries of Debian's packages, and its port."""
    if not MARIADB.exists() or not MARIADB_CLIENT.exists():
        pytest.skip("there is no MariaDB here: apt-get install mariadb-server-core mariadb-client-core")
    with TemporaryDirectory() as name:
        folder, port, user = Path(name), free_port(), []
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
            user = ["--user=nobody"]
        data = f"--datadir={folder / 'data'}"
        install = ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal", *user]
        subprocess.run(install, check=True, capture_output=True)
        options = [f"--port={port}", f"--bind-address={HERE}", f"--socket={folder / 'socket'}", *user]
        with subprocess.Popen([MARIADB, "--no-defaults", data, *options], stderr=subprocess.DEVNULL) as process:
            try:
                wait_for_port(port, process)
                yield port
            finally:
                process.kill()


def drop_connections(server: PostgreSQL) -> None:
    """Ends every connection to a PostgreSQL but the one that says so, as a restart would."""
    with psycopg.connect(host=HERE, port=port_of(server), dbname="postgres", user="penstock", password=PASSWORD) as own:
        own.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def port_of(server: PostgreSQL) -> int:
    """Returns where a PostgreSQL listens."""
    return int(server.url.rpartition(":")[2].partition("/")[0])


def new_name() -> str:
    """Returns the name of a database that no test has used."""
    return f"mlmd{next(_numbers)}"


def free_port() -> int:
    """Returns a port of this machine that nothing listens at."""
    with socket.socket() as listening:
        listening.bind((HERE, 0))
        port: int = listening.getsockname()[1]
    return port


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until a process listens."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as trying:
            if trying.connect_ex((HERE, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not listen at port {port}: exit code {process.poll()}")
