"""What the runs of a spec made, in one SQLite file: executions, their outputs, and by what fingerprint they are found.

It stands for Kubeflow's and Vertex's metadata and cache. Several steps write to it at once, each in its own process.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from schema.errors import PenstockError

SECONDS_TO_WAIT = 60
TABLES = """
CREATE TABLE IF NOT EXISTS executions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT, step TEXT, state TEXT, fingerprint TEXT, parameters TEXT);
CREATE TABLE IF NOT EXISTS artifacts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, uri TEXT, type TEXT, metadata TEXT, is_stored INTEGER);
CREATE TABLE IF NOT EXISTS outputs (execution INTEGER, key TEXT, artifact INTEGER);
CREATE INDEX IF NOT EXISTS of_a_run ON executions (run, step);
CREATE INDEX IF NOT EXISTS by_fingerprint ON executions (fingerprint);
CREATE INDEX IF NOT EXISTS of_an_execution ON outputs (execution);
"""
RUNNING, COMPLETE, CACHED, FAILED, SKIPPED = "RUNNING", "COMPLETE", "CACHED", "FAILED", "SKIPPED"


@dataclass(frozen=True)
class Artifact:
    """One artifact: its number (0 before it is stored), address, type and metadata, and whether it has files."""

    uri: str
    type: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    is_stored: bool = False
    id: int = 0


@dataclass(frozen=True)
class Execution:
    """One execution of a step."""

    id: int
    state: str
    parameters: Mapping[str, Any]
    artifacts: Mapping[str, Artifact]


class Store:
    """The file. Each call is one transaction.

    Raises:
      PenstockError: from any method: the file cannot be read or written.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as connection:
            connection.executescript(TABLES)

    def begin(self, run: str, step: str) -> int:
        """Notes that a step runs; returns the number of its execution."""
        with self._open() as connection:
            made = connection.execute(
                "INSERT INTO executions (run, step, state, fingerprint, parameters) VALUES (?, ?, ?, '', '{}')",
                (run, step, RUNNING),
            )
            return int(made.lastrowid or 0)

    def end(
        self,
        execution: int,
        state: str,
        parameters: Mapping[str, Any] | None = None,
        artifacts: Mapping[str, Artifact] | None = None,
        fingerprint: str = "",
    ) -> Mapping[str, Artifact]:
        """Notes how an execution ended; returns its artifacts, each with its number."""
        with self._open() as connection:
            connection.execute(
                "UPDATE executions SET state = ?, parameters = ?, fingerprint = ? WHERE id = ?",
                (state, json.dumps(parameters or {}), fingerprint, execution),
            )
            kept = {key: _keep(connection, artifact) for key, artifact in (artifacts or {}).items()}
            links = [(execution, key, artifact.id) for key, artifact in kept.items()]
            connection.executemany("INSERT INTO outputs VALUES (?, ?, ?)", links)
            return kept

    def of_step(self, run: str, step: str) -> Execution | None:
        """Returns the execution of a step in a run."""
        return self._one("run = ? AND step = ?", (run, step))

    def cached(self, fingerprint: str) -> Execution | None:
        """Returns the latest execution that completed with a fingerprint."""
        return self._one("fingerprint = ? AND state = ?", (fingerprint, COMPLETE))

    def artifacts(self) -> list[Artifact]:
        """Returns all artifacts, the latest first."""
        with self._open() as connection:
            rows = connection.execute("SELECT uri, type, metadata, is_stored, id FROM artifacts ORDER BY id DESC")
            return [_artifact(row) for row in rows]

    def _one(self, where: str, values: tuple[str, ...]) -> Execution | None:
        with self._open() as connection:
            row = connection.execute(
                f"SELECT id, state, parameters FROM executions WHERE {where} ORDER BY id DESC LIMIT 1",  # noqa: S608  # ours
                values,
            ).fetchone()
            if row is None:
                return None
            outputs = connection.execute(
                "SELECT key, uri, type, metadata, is_stored, id FROM outputs JOIN artifacts ON artifact = id "
                "WHERE execution = ?",
                (row[0],),
            )
            return Execution(row[0], row[1], json.loads(row[2]), {key: _artifact(rest) for key, *rest in outputs})

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=SECONDS_TO_WAIT)) as connection, connection:
                yield connection
        except sqlite3.Error as error:
            raise PenstockError(
                f"{self._file}: {error}. It holds what ran before, and its cache: make it writable, or move it away to "
                "begin anew."
            ) from error


def _keep(connection: sqlite3.Connection, artifact: Artifact) -> Artifact:
    if artifact.id:
        return artifact
    made = connection.execute(
        "INSERT INTO artifacts (uri, type, metadata, is_stored) VALUES (?, ?, ?, ?)",
        (artifact.uri, json.dumps(artifact.type), json.dumps(artifact.metadata), artifact.is_stored),
    )
    return replace(artifact, id=int(made.lastrowid or 0))


def _artifact(row: Any) -> Artifact:
    uri, kind, metadata, is_stored, number = row
    return Artifact(uri, json.loads(kind), json.loads(metadata), bool(is_stored), number)
