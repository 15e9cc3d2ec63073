"""The connection to MLMD that the configuration describes."""

from __future__ import annotations

from pathlib import Path

from ml_metadata.proto import metadata_store_pb2

from pipeline.config import Metadata
from pipeline.workdir import Workdir
from schema.errors import UsageError

SQLITE_CREATE = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
DEFAULT_PORTS = {"mysql": 3306, "postgresql": 5432}


def connection_config(metadata: Metadata, workdir: Workdir) -> metadata_store_pb2.ConnectionConfig:
    """Returns the connection: a SQLite file in the workdir by default, or a MySQL or PostgreSQL database."""
    config = metadata_store_pb2.ConnectionConfig()
    if metadata.backend == "sqlite":
        config.sqlite.filename_uri = str(workdir.metadata)
        config.sqlite.connection_mode = SQLITE_CREATE
        return config
    port = metadata.port or DEFAULT_PORTS[metadata.backend]
    password = _password(metadata.password_file)
    if metadata.backend == "mysql":
        config.mysql.host, config.mysql.port = metadata.host or "", port
        config.mysql.database, config.mysql.user = metadata.database or "", metadata.user or ""
        config.mysql.password = password
    else:
        config.postgresql.host, config.postgresql.port = metadata.host or "", str(port)
        config.postgresql.dbname, config.postgresql.user = metadata.database or "", metadata.user or ""
        config.postgresql.password = password
    return config


def _password(file: str | None) -> str:
    if file is None:
        return ""
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise UsageError(f"metadata.password_file: {file}: {error.strerror}.") from None
