from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

PASSWORD = "correct horse"


@dataclass(frozen=True)
class PostgreSQL:
    """A PostgreSQL server of the tests' own: its URL without the password, and the file with the password."""

    url: str
    password_file: Path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A throw-away cluster on a port of its own, by the binaries of Debian's package postgresql."""
    binaries = sorted(glob("/usr/lib/postgresql/*/bin"))
    if not binaries:
        pytest.skip("there is no PostgreSQL here: apt-get install postgresql")
    initdb, pg_ctl = (str(Path(binaries[-1], name)) for name in ("initdb", "pg_ctl"))
    with _folder_of_postgres() as folder:
        password_file, cluster, port = folder / "password", folder / "cluster", _free_port()
        password_file.write_text(f"{PASSWORD}\n")
        _as_postgres(initdb, "-D", cluster, "-U", "penstock", "-A", "scram-sha-256", "--pwfile", password_file)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        _as_postgres(pg_ctl, "-D", cluster, "-l", cluster / "log", "-o", options, "-w", "start")
        yield PostgreSQL(f"postgresql+psycopg://penstock@127.0.0.1:{port}/postgres", password_file)
        _as_postgres(pg_ctl, "-D", cluster, "-m", "immediate", "-w", "stop")


@contextmanager
def _folder_of_postgres() -> Iterator[Path]:
    """A folder that belongs to the user who runs PostgreSQL, which root may not."""
    with TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        yield Path(folder)


def _as_postgres(*words: str | Path) -> None:
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*prefix, *map(str, words)], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
