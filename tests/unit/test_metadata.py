from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.config import Metadata
from pipeline.metadata import connection_config
from pipeline.workdir import Workdir
from schema.errors import UsageError


def _server(backend: str, **changes: object) -> Metadata:
    address = {"backend": backend, "host": "db.example", "database": "mlmd", "user": "penstock"}
    return Metadata.model_validate(address | changes)


def test_lineage_is_kept_in_the_workdir_by_default(tmp_path: Path) -> None:
    """Without a setting, lineage is a SQLite file of the workdir, which is made when it is not there."""
    connection = connection_config(Metadata(), Workdir(tmp_path))
    assert connection.WhichOneof("config") == "sqlite"
    assert connection.sqlite.filename_uri == str(Workdir(tmp_path).metadata)
    assert connection.sqlite.connection_mode == connection.sqlite.READWRITE_OPENCREATE


def test_mysql_is_reached_at_its_address(tmp_path: Path) -> None:
    """MySQL gets host, database, user, the usual port and the password that the file holds, without its newline."""
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")
    metadata = _server("mysql", password_file=str(tmp_path / "password"))
    connection = connection_config(metadata, Workdir(tmp_path))
    assert connection.WhichOneof("config") == "mysql"
    mysql = connection.mysql
    assert (mysql.host, mysql.port, mysql.database) == ("db.example", 3306, "mlmd")
    assert (mysql.user, mysql.password) == ("penstock", "s3cret")


def test_postgresql_is_reached_at_its_address(tmp_path: Path) -> None:
    """PostgreSQL gets host, database, user, the usual port and the password that the file holds."""
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")
    metadata = _server("postgresql", password_file=str(tmp_path / "password"))
    connection = connection_config(metadata, Workdir(tmp_path))
    assert connection.WhichOneof("config") == "postgresql"
    postgresql = connection.postgresql
    assert (postgresql.host, postgresql.port, postgresql.dbname) == ("db.example", "5432", "mlmd")
    assert (postgresql.user, postgresql.password) == ("penstock", "s3cret")


def test_a_metadata_server_is_reached_at_its_address(tmp_path: Path) -> None:
    """A metadata server gets host, the usual port, and patience that ends; TLS where its signer is known."""
    connection = connection_config(Metadata(backend="grpc", host="mlmd.example"), Workdir(tmp_path))
    assert (connection.host, connection.port) == ("mlmd.example", 8080)
    assert connection.client_timeout_sec > 0
    assert not connection.HasField("ssl_config")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----", encoding="utf-8")
    metadata = Metadata(backend="grpc", host="mlmd.example", ca_file=str(tmp_path / "ca.pem"))
    assert connection_config(metadata, Workdir(tmp_path)).ssl_config.custom_ca == "-----BEGIN CERTIFICATE-----"


@pytest.mark.parametrize(
    ("given", "told"), [("", ""), ("simple1", "simple1"), ("two words", "'two words'"), ("it's \\", r"'it\'s \\'")]
)
def test_postgresqls_connection_string_is_quoted(tmp_path: Path, given: str, told: str) -> None:
    """A password with blanks, quotes or backslashes is quoted as libpq wants it, for MLMD does not."""
    (tmp_path / "password").write_text(given, encoding="utf-8")
    metadata = _server("postgresql", password_file=str(tmp_path / "password"))
    assert connection_config(metadata, Workdir(tmp_path)).postgresql.password == told


def test_no_database_is_told_of_a_signer() -> None:
    """A key of metadata servers only is refused elsewhere, for it would promise TLS that there is not."""
    with pytest.raises(ValidationError, match="ca_file is for grpc only, not for mysql"):
        _server("mysql", ca_file="ca.pem")


def test_a_metadata_server_has_an_address() -> None:
    """Without a host the backend grpc is refused."""
    with pytest.raises(ValidationError, match="grpc also needs host"):
        Metadata(backend="grpc")


def test_a_port_that_is_given_counts(tmp_path: Path) -> None:
    """A port of the configuration takes the place of the usual one."""
    assert connection_config(_server("mysql", port=3307), Workdir(tmp_path)).mysql.port == 3307
    assert connection_config(_server("postgresql", port=5433), Workdir(tmp_path)).postgresql.port == "5433"


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_a_missing_password_file_is_named(tmp_path: Path, backend: str) -> None:
    """A password file that does not exist is told by its key and its path."""
    file = str(tmp_path / "none")
    with pytest.raises(UsageError) as caught:
        connection_config(_server(backend, password_file=file), Workdir(tmp_path))
    assert str(caught.value) == f"metadata.password_file: {file}: No such file or directory."
