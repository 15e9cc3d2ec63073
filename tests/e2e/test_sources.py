"""Sources other than a CSV, by the command line."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.e2e.conftest import Folder, Pushed, trips

pytestmark = pytest.mark.e2e
BIGQUERY = """
data:
  source: bigquery
  query: SELECT * FROM `bigquery-public-data.chicago_taxi_trips.taxi_trips` LIMIT 1000
runner: {beam_args: [--project=somebodys, --temp_location=gs://somewhere/tmp]}
"""
SQL = """
data:
  source: sql
  connection: sqlite:///trips.db
  query: SELECT * FROM trips
"""


def write_database(file: Path) -> None:
    """Writes the trips of the CSV, all as text, into a SQLite file."""
    header, *rows = trips()
    with sqlite3.connect(file) as connection:
        connection.execute(f"CREATE TABLE trips ({', '.join(f'{name} TEXT' for name in header)})")
        connection.executemany(f"INSERT INTO trips VALUES ({', '.join('?' * len(header))})", rows)  # noqa: S608  # only ?
    connection.close()


def test_the_same_trips_from_a_database_make_the_same_splits(folder: Folder, first_run: Pushed) -> None:
    """A run over SQLite pushes, and its rows are in the splits in which the CSV's are; SQLite's path is the YAML's."""
    write_database(folder.path / "trips.db")
    (folder.path / "sql.yaml").write_text(SQL)
    done = folder.run("sql.yaml", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["rows"] == first_run.summary["rows"]
    assert summary["quarantined"] == 0
    assert folder.versions == [summary["version"]]


def test_a_query_that_fails_is_a_wrong_configuration(folder: Folder) -> None:
    """A database that is not there ends the run with exit code 2 before a model is trained."""
    (folder.path / "sql.yaml").write_text(SQL)
    done = folder.run("sql.yaml")
    assert done.returncode == 2, done.stderr
    assert f"{folder.path / 'trips.db'}: there is no such SQLite file" in done.stderr
    assert not (folder.path / "trips.db").exists()


def test_big_query_is_validated_offline(folder: Folder) -> None:
    """The DAG over BigQuery compiles on a machine that Google does not know, and nothing is made."""
    (folder.path / "bigquery.yaml").write_text(BIGQUERY)
    done = folder.penstock("validate", "small.yaml", "bigquery.yaml", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["valid"]
    assert said["steps"][0] == "ExampleGen"
    assert not folder.workdir.exists()
