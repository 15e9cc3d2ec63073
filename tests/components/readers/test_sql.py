from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from components.readers import READERS, sql
from components.rows import BadRow
from schema.errors import UsageError
from tests.components.readers.reading import options_of
from tests.components.readers.reading import read as read_source

TRIPS = [(1.5, 3, "Blue", None), (None, 2**60, None, b"\xff"), (2.0, 0, "", b"x")]
QUERY = "SELECT fare, miles, company, raw FROM trips ORDER BY miles"


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a SQLite file with three trips."""
    return make_database(tmp_path / "trips.db", TRIPS)


def make_database(path: Path, trips: Iterable[tuple[object, ...]]) -> str:
    """Writes trips into a SQLite file; returns its URL."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE trips (fare REAL, miles INTEGER, company TEXT, raw BLOB)")
        connection.executemany("INSERT INTO trips VALUES (?, ?, ?, ?)", trips)
    connection.close()
    return f"sqlite:///{path}"


def fingerprint(url: str, query: str = QUERY) -> str:
    """Returns the fingerprint of a query."""
    return sql.fingerprint(query, options_of("sql", connection=url, query=query))


def refusal(connection: str, query: str = QUERY, **options: Any) -> str:
    """Returns the message with which a query is refused."""
    with pytest.raises(UsageError) as refused:
        read_source("sql", connection=connection, query=query, **options)
    return str(refused.value)


def test_the_rows_of_a_query_become_examples(database: str) -> None:
    """Numbers, texts and bytes are what they are; NULL and an empty text are missing values."""
    assert read_source("sql", connection=database, query=QUERY).rows == [
        {"fare": 2.0, "miles": 0, "company": None, "raw": b"x"},
        {"fare": 1.5, "miles": 3, "company": b"Blue", "raw": None},
        {"fare": None, "miles": 2**60, "company": None, "raw": b"\xff"},
    ]


def test_wrong_values_and_missing_labels_are_quarantined(database: str) -> None:
    """Rows are counted from 1, in the order in which the database gives them, and shown as JSON."""
    out = read_source(
        "sql",
        connection=database,
        query="SELECT fare, company FROM trips",
        types={"company": "INT"},
        required=("fare",),
    )
    assert out.rows == [{"fare": 2.0, "company": None}]
    assert out.bad == [
        BadRow(
            1,
            "'company' holds 'Blue', where the schema or the column's role wants an integer",
            '{"fare": 1.5, "company": "Blue"}',
        ),
        BadRow(2, "'fare' has no value, and the label needs one", '{"fare": null, "company": null}'),
    ]


def test_sqlite_columns_may_mix_types(tmp_path: Path) -> None:
    """SQLite holds any value in any column: one of numbers and texts is text, all rows of it."""
    url = make_database(tmp_path / "mixed.db", [("x", 1, None, None), (2.5, 2, None, None)])
    rows = read_source("sql", connection=url, query="SELECT fare FROM trips").rows
    assert rows == [{"fare": b"x"}, {"fare": b"2.5"}]


def test_the_fingerprint_does_not_depend_on_the_order_of_rows(database: str) -> None:
    """Databases promise no order, so the same rows in another one are the same data."""
    assert fingerprint(database) == fingerprint(database, f"{QUERY} DESC")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trips SET fare = 1.75 WHERE miles = 3",
        "DELETE FROM trips WHERE miles = 3",
        "INSERT INTO trips SELECT * FROM trips",
    ],
    ids=["update", "delete", "the same rows twice"],
)
def test_the_fingerprint_changes_with_the_rows(tmp_path: Path, database: str, change: str) -> None:
    """A value that changes, a row that goes and a row that comes again give other data."""
    before = fingerprint(database)
    with sqlite3.connect(tmp_path / "trips.db") as connection:
        connection.execute(change)
    connection.close()
    assert fingerprint(database) != before


def test_the_columns_of_a_query_are_known(database: str) -> None:
    """The names are those of the query, in its order."""
    options = options_of("sql", connection=database, query="SELECT miles, fare * 2 AS twice FROM trips")
    assert READERS["sql"].columns(options.query, options) == ["miles", "twice"]


def test_a_name_that_the_query_gives_twice_is_refused(database: str) -> None:
    """Neither of two columns of one name is dropped in silence."""
    assert "names the column fare twice" in refusal(database, "SELECT fare, miles AS fare FROM trips")


def test_a_query_that_fails_says_what_the_database_said(database: str) -> None:
    """The message names the keys to look at, and quotes the database."""
    message = refusal(database, "SELECT absent FROM trips")
    assert message.startswith("The query of data.query failed: no such column: absent.")
    assert "data.connection" in message


def test_a_sqlite_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A misspelt path gets an error, not an empty database."""
    missing = tmp_path / "nowhere.db"
    assert refusal(f"sqlite:///{missing}") == f"data.connection: {missing}: there is no such SQLite file."
    assert not missing.exists()


@pytest.mark.parametrize("url", ["trips.db", "oracle9://host/db"])
def test_a_connection_that_is_no_url_is_refused(url: str) -> None:
    """What SQLAlchemy cannot read is told with the key."""
    assert "data.connection" in refusal(url)


def test_a_password_file_that_is_not_there_is_named(database: str, tmp_path: Path) -> None:
    """The message says which key and which file."""
    message = refusal(database, password_file=str(tmp_path / "password"))
    assert message == f"data.password_file: {tmp_path / 'password'}: No such file or directory."


def test_the_password_is_read_from_its_file_and_told_to_nobody(tmp_path: Path) -> None:
    """A server that does not answer is told without the password that was read for it."""
    (tmp_path / "password").write_text("open sesame\n")
    message = refusal("postgresql+psycopg://nobody@127.0.0.1:1/none", password_file=str(tmp_path / "password"))
    assert message.startswith("The query of data.query failed: ")
    assert "sesame" not in message
