"""The reader of SQL, against a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy

from components.readers import sql
from schema.errors import UsageError
from tests.components.readers.conftest import PASSWORD, PostgreSQL
from tests.components.readers.reading import Read, options_of, read

SOME_UUID = UUID(int=7)
QUERY = "SELECT * FROM trips ORDER BY miles"
CREATE = """CREATE TABLE trips
  (fare numeric, miles bigint, company text, began timestamptz, day date, cash boolean, id uuid, raw bytea)"""
INSERT = "INSERT INTO trips VALUES (:fare, :miles, :company, :began, :day, :cash, :id, :raw)"
MANY = 20_000  # rows, more than are fetched at once
ONE_BAD = "SELECT n, CASE WHEN n = 20000 THEN 'x' ELSE n::text END AS t FROM generate_series(1, 20000) AS n"
NUMBERS = "SELECT n FROM generate_series(1, {}) AS n ORDER BY n {}"
FAILS_MIDWAY = "SELECT 1 / (20000 - n) AS q FROM generate_series(1, 20000) AS n"


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL) -> PostgreSQL:
    """The server with a table of trips."""
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(postgresql.url).set(password=PASSWORD))
    trip = {
        "fare": Decimal("12.25"),
        "miles": 1,
        "company": "Blue",
        "began": datetime(2020, 1, 1, tzinfo=UTC),
        "day": date(1970, 1, 2),
        "cash": True,
        "id": SOME_UUID,
        "raw": b"\xff",
    }
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(CREATE))
        connection.execute(sqlalchemy.text(INSERT), [trip, dict.fromkeys(trip) | {"miles": 2}])
    engine.dispose()
    return postgresql


def ask(database: PostgreSQL, query: str = QUERY, **options: Any) -> Read:
    """Reads a query as ExampleGen does, the password from its file."""
    return read("sql", connection=database.url, password_file=str(database.password_file), query=query, **options)


def test_the_types_of_postgresql_become_those_of_tf_examples(database: PostgreSQL) -> None:
    """Numeric, bigint, text, timestamptz, date, boolean, uuid and bytea keep what they say; NULL is missing."""
    first, second = ask(database).rows
    assert first == {
        "fare": 12.25,
        "miles": 1,
        "company": b"Blue",
        "began": 1577836800,
        "day": 86400,
        "cash": 1,
        "id": str(SOME_UUID).encode(),
        "raw": b"\xff",
    }
    assert second == dict.fromkeys(first) | {"miles": 2}


def test_more_rows_than_are_fetched_at_once_are_all_read(database: PostgreSQL) -> None:
    """Rows are streamed in batches, and none is lost; a bad one far down has its number."""
    out = ask(database, ONE_BAD, types={"t": "INT"})
    assert [row["n"] for row in out.rows] == list(range(1, MANY))
    assert [(row.number, row.row) for row in out.bad] == [(MANY, f'{{"n": {MANY}, "t": "x"}}')]


def test_the_fingerprint_does_not_depend_on_the_order(database: PostgreSQL) -> None:
    """The same rows in another order are the same data, and other rows are other data."""
    options = options_of("sql", connection=database.url, password_file=str(database.password_file))
    ascending, descending, other = (
        sql.fingerprint(NUMBERS.format(count, order), options)
        for count, order in ((100, "ASC"), (100, "DESC"), (101, "ASC"))
    )
    assert ascending == descending != other


def test_a_wrong_password_is_refused(database: PostgreSQL, tmp_path: Path) -> None:
    """The server's word is quoted, the password is not."""
    (tmp_path / "password").write_text("battery staple")
    with pytest.raises(UsageError, match=r"password authentication failed.*data\.password_file") as refused:
        read("sql", connection=database.url, password_file=str(tmp_path / "password"), query=QUERY)
    assert "staple" not in str(refused.value)


def test_a_query_that_fails_midway_is_refused(database: PostgreSQL) -> None:
    """Rows that came before an error are no table."""
    with pytest.raises(UsageError, match="division by zero"):
        ask(database, FAILS_MIDWAY)
