from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from pipeline.metadata import Connection, sqlite_config
from tests.components.readers.conftest import postgresql
from tests.metadata.servers import mariadb, on_mysql, on_postgresql, served

__all__ = ["postgresql"]
KINDS = ("sqlite", "postgresql", "mysql", "grpc", "grpc on postgresql")


@pytest.fixture(scope="session")
def mysql() -> Iterator[int]:
    """The port of a MariaDB of the tests' own."""
    with mariadb() as port:
        yield port


@pytest.fixture(params=KINDS)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """The connection to an empty store, of each kind in turn."""
    kind: str = request.param
    if "postgresql" in kind:
        behind = on_postgresql(request.getfixturevalue("postgresql"))
    elif kind == "mysql":
        behind = on_mysql(request.getfixturevalue("mysql"))
    else:
        behind = sqlite_config(tmp_path / "metadata.db")
    with served(behind) if kind.startswith("grpc") else nullcontext(behind) as reached:
        yield reached
