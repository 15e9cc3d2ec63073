"""The connection to MLMD that the configuration describes, and what is said where it does not hold."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from pipeline.config import Metadata
from pipeline.mlmd_repairs import repair_client
from pipeline.workdir import Workdir
from schema.errors import PenstockError, UsageError

Connection: TypeAlias = metadata_store_pb2.ConnectionConfig | metadata_store_pb2.MetadataStoreClientConfig
SQLITE_CREATE = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
DEFAULT_PORTS = {"mysql": 3306, "postgresql": 5432, "grpc": 8080}
SECONDS_TO_CONNECT = 10
SECONDS_OF_A_CALL = 60
MAX_MESSAGE_BYTES = 64 * 2**20  # gRPC's own limit is 4 MiB, which a hundred executions with long properties may pass
CONNECTING_FAILED = "Failed to establish connection to Metadata storage"  # tfx.orchestration.metadata
ANSWERS = (errors.NOT_FOUND, errors.ALREADY_EXISTS, errors.INVALID_ARGUMENT, errors.FAILED_PRECONDITION)
SQL_ERROR = re.compile(r"ERROR:|errno: 1\d\d\d\b")  # PostgreSQL's and MySQL's words on a statement; they do answer


def connection_config(metadata: Metadata, workdir: Workdir) -> Connection:
    """Returns the connection: a SQLite file in the workdir by default, a database, or a metadata server.

    Raises:
      UsageError: a file that the configuration names cannot be read.
    """
    repair_client()
    if metadata.backend == "grpc":
        return _client_config(metadata)
    if metadata.backend == "sqlite":
        return sqlite_config(workdir.metadata)
    config = metadata_store_pb2.ConnectionConfig()
    port = metadata.port or DEFAULT_PORTS[metadata.backend]
    password = _content("password_file", metadata.password_file)
    if metadata.backend == "mysql":
        config.mysql.host, config.mysql.port = metadata.host or "", port
        config.mysql.database, config.mysql.user = metadata.database or "", metadata.user or ""
        config.mysql.password = password
    else:
        config.postgresql.host, config.postgresql.port = metadata.host or "", str(port)
        config.postgresql.dbname, config.postgresql.user = metadata.database or "", _quoted(metadata.user or "")
        config.postgresql.password = _quoted(password)
    return config


def sqlite_config(file: Path) -> Connection:
    """Returns the connection to a SQLite file, which is made if it is not there."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = SQLITE_CREATE
    return config


def place_of(connection: Connection) -> str:
    """Returns the words that name a store to a person."""
    address = _address(connection)
    if isinstance(connection, metadata_store_pb2.MetadataStoreClientConfig):
        return f"the metadata server at {_at(address)}"
    kind = connection.WhichOneof("config")
    if kind == "sqlite":
        return f"SQLite's file {connection.sqlite.filename_uri}"
    if kind == "mysql":
        return f"MySQL at {_at(address)}, database {connection.mysql.database}"
    if kind == "postgresql":
        return f"PostgreSQL at {_at(address)}, database {connection.postgresql.dbname}"
    return str(kind)


def open_store(connection: Connection) -> MetadataStore:
    """Returns the store, in which MLMD has made its tables if they were not there.

    Raises:
      PenstockError: it does not answer, or lets this user in to nothing.
    """
    repair_client()
    if lack := _lack(connection):
        raise _down(connection, lack)
    try:
        return MetadataStore(connection)
    except (errors.StatusError, RuntimeError) as error:
        raise _down(connection, _refusal(connection) or _first_line(error)) from None


@contextmanager
def answering(connection: Connection, advice: str = "") -> Iterator[None]:
    """Turns what is raised within because the store does not answer into a paragraph that names the store.

    Args:
      connection: of the store that is asked within.
      advice: one more sentence.

    Raises:
      PenstockError: it does not answer.
    """
    try:
        yield
    except errors.StatusError as error:
        if error.error_code in ANSWERS or SQL_ERROR.search(str(error)):
            raise
        raise _down(connection, _lack(connection) or _first_line(error), advice) from error
    except RuntimeError as error:
        if not str(error).startswith(CONNECTING_FAILED):
            raise
        raise _down(connection, _lack(connection) or _first_line(error), advice) from error


def _client_config(metadata: Metadata) -> metadata_store_pb2.MetadataStoreClientConfig:
    config = metadata_store_pb2.MetadataStoreClientConfig()
    config.host, config.port = metadata.host or "", metadata.port or DEFAULT_PORTS["grpc"]
    config.client_timeout_sec = SECONDS_OF_A_CALL
    config.channel_arguments.max_receive_message_length = MAX_MESSAGE_BYTES
    if metadata.ca_file:
        config.ssl_config.custom_ca = _content("ca_file", metadata.ca_file)
    return config


def _content(key: str, file: str | None) -> str:
    if file is None:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(f"metadata.{key}: {file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"metadata.{key}: {file}: is not text in UTF-8.") from None


def _quoted(value: str) -> str:
    """A value as libpq's connection strings need it, into which MLMD puts it as it is."""
    if value.isalnum() or not value:
        return value
    escaped = value.replace("\\", r"\\").replace("'", r"\'")
    return f"'{escaped}'"


def _address(connection: Connection) -> tuple[str, int] | None:
    """The host and port of a server; None for a file."""
    if isinstance(connection, metadata_store_pb2.MetadataStoreClientConfig):
        return connection.host, connection.port
    kind = connection.WhichOneof("config")
    if kind not in ("mysql", "postgresql"):
        return None
    server = getattr(connection, kind)
    return server.host, int(server.port)


def _at(address: tuple[str, int] | None) -> str:
    return ":".join(map(str, address or ()))


def _lack(connection: Connection) -> str:
    """What keeps this machine from a server's port; "" where nothing does. MLMD's own errors do not tell."""
    address = _address(connection)
    if address is None:
        return ""
    try:
        socket.create_connection(address, SECONDS_TO_CONNECT).close()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def _refusal(connection: Connection) -> str:
    """What PostgreSQL itself says to who logs in, of which MLMD tells nothing; "" where it says nothing."""
    if isinstance(connection, metadata_store_pb2.MetadataStoreClientConfig) or not connection.HasField("postgresql"):
        return ""
    import psycopg

    server = connection.postgresql
    address = f"host={server.host} port={server.port} dbname={_quoted(server.dbname)}"
    try:
        psycopg.connect(f"{address} user={server.user} password={server.password}").close()
    except psycopg.Error as error:
        return _first_line(error).rpartition("FATAL:")[2].strip()
    return ""


def _first_line(error: Exception) -> str:
    return next((line.strip().rstrip(".: ") for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _down(connection: Connection, why: str, advice: str = "") -> PenstockError:
    words = (
        f"The metadata store, {place_of(connection)}, does not answer: {why}.",
        "Check that it is up, and the section metadata of the configuration.",
        advice,
    )
    return PenstockError(" ".join(filter(None, words)))
