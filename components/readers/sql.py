"""The rows of a SQL query, by SQLAlchemy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from components.readers.records import Numbered, batches
from components.rows import Batch
from components.source_options import SourceOptions
from schema.errors import UsageError

ROWS_A_FETCH = 8192
MEMORY = ":memory:"


def read(query: str, options: SourceOptions) -> Iterator[Batch]:
    """Yields the rows of a query; `numbers` counts them, from 1.

    Raises:
      UsageError: the database does not answer, or refuses the query.
    """
    yield from batches(_records(query, options))


def columns(query: str, options: SourceOptions) -> list[str]:
    """Returns the names of the query's columns.

    Raises:
      UsageError: the database does not answer, or refuses the query; the query names a column twice.
    """
    with _result(query, options) as result:
        names = list(result.keys())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"data.query names the column {', '.join(twice)} twice. Give each a name of its own with AS.")
    return names


def fingerprint(query: str, options: SourceOptions) -> str:
    """Returns a hash of the rows, whatever their order: databases promise none."""
    total = 0
    for _, record in _records(query, options):
        digest = hashlib.sha256(repr(sorted(record.items())).encode()).digest()
        total = (total + int.from_bytes(digest[:16], "big")) % (1 << 128)
    return f"{total:032x}"


def _records(query: str, options: SourceOptions) -> Iterator[Numbered]:
    with _result(query, options) as result:
        for number, row in enumerate(result.mappings(), start=1):
            yield number, dict(row)


@contextmanager
def _result(query: str, options: SourceOptions) -> Iterator[sql.CursorResult[Any]]:
    try:
        url = _url(options)
        engine = sql.create_engine(url)
        with engine.connect().execution_options(stream_results=True, max_row_buffer=ROWS_A_FETCH) as connection:
            yield connection.execute(sql.text(query))
    except (sql.exc.SQLAlchemyError, ImportError) as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        raise UsageError(
            f"The query of data.query failed: {said}. Check data.connection (the password is read from "
            "data.password_file) and data.query."
        ) from None


def _is_there(database: str) -> bool:
    """Whether a SQLite database is there; a file that is not would be made."""
    return database == MEMORY or database.startswith("file:") or Path(database).is_file()


def _url(options: SourceOptions) -> sql.URL:
    url = sql.make_url(options.connection)
    if url.get_backend_name() == "sqlite" and not _is_there(url.database or MEMORY):
        raise UsageError(f"data.connection: {url.database}: there is no such SQLite file.")
    if options.password_file is None:
        return url
    try:
        return url.set(password=Path(options.password_file).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise UsageError(f"data.password_file: {error.filename}: {error.strerror}.") from None
