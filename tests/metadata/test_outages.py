"""What is said of a store that does not answer."""

from __future__ import annotations

import pytest
from ml_metadata import errors

from pipeline.lineage import Lineage
from pipeline.metadata import Connection, answering, open_store, place_of
from schema.errors import PenstockError
from tests.components.readers.conftest import PostgreSQL
from tests.metadata.servers import HERE, connection_to, drop_connections, free_port, in_memory, on_postgresql, served

DATABASE: dict[str, object] = {"database": "mlmd", "user": "penstock"}


def test_a_store_that_is_down_is_named() -> None:
    """A database server or a metadata server that nothing answers for is told with its address and the reason."""
    port = free_port()
    stores = {
        f"PostgreSQL at {HERE}:{port}, database mlmd": connection_to(
            backend="postgresql", host=HERE, port=port, **DATABASE
        ),
        f"MySQL at {HERE}:{port}, database mlmd": connection_to(backend="mysql", host=HERE, port=port, **DATABASE),
        f"the metadata server at {HERE}:{port}": connection_to(backend="grpc", host=HERE, port=port),
    }
    for name, connection in stores.items():
        with pytest.raises(PenstockError) as caught:
            open_store(connection)
        assert str(caught.value).startswith(f"The metadata store, {name}, does not answer: connection refused. Check")


def test_who_may_not_log_in_is_told_why(postgresql: PostgreSQL) -> None:
    """PostgreSQL's own reason is passed on, which MLMD hides."""
    connection = on_postgresql(postgresql)
    connection.postgresql.password = "'it\\'s wrong'"
    with pytest.raises(PenstockError, match='does not answer: password authentication failed for user "penstock"'):
        open_store(connection)


def test_a_store_that_goes_away_is_named() -> None:
    """When the server ends between two looks, the second one is told so."""
    with served(in_memory()) as connection:
        lineage = Lineage(connection, "taxi")
        assert lineage.runs() == []
    with pytest.raises(PenstockError, match=f"the metadata server at {HERE}:{connection.port}, does not answer"):
        lineage.runs()


def test_a_connection_that_breaks_is_an_outage(postgresql: PostgreSQL) -> None:
    """When PostgreSQL ends the connection, the store is named, and what to do."""
    connection = on_postgresql(postgresql)
    store = open_store(connection)
    drop_connections(postgresql)
    with pytest.raises(PenstockError) as caught, answering(connection, "Go on."):
        store.get_contexts()
    assert str(caught.value).startswith(f"The metadata store, {place_of(connection)}, does not answer: ")
    assert str(caught.value).endswith("Go on.")


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFoundError("no such type"),
        errors.InternalError('PostgreSQL metadata source error: ERROR:  syntax error at or near "{"'),
        errors.InternalError("mysql_query failed: errno: 1406, error: Data too long"),
        RuntimeError("of a step's own"),
        ValueError("of a step's own"),
    ],
    ids=str,
)
def test_other_errors_are_no_outage(error: Exception) -> None:
    """What a store answers, and what a step raises, is not taken for a store that is away."""
    connection: Connection = in_memory()
    with pytest.raises(type(error)) as caught, answering(connection):
        raise error
    assert caught.value is error
