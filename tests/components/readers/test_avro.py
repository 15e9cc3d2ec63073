from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import fastavro
import pytest

from components.readers import READERS
from tests.components.readers.reading import options_of, read, refusal

SCHEMA = {
    "type": "record",
    "name": "Trip",
    "fields": [
        {"name": "fare", "type": ["null", "double"]},
        {"name": "miles", "type": "long"},
        {"name": "company", "type": ["null", "string"]},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "cash", "type": "boolean"},
    ],
}
TRIPS = [
    {"fare": 1.5, "miles": 3, "company": "Blue", "day": date(1970, 1, 2), "cash": True},
    {"fare": None, "miles": 2**60, "company": None, "day": date(1970, 1, 3), "cash": False},
]


def write_avro(folder: Path, schema: Any, records: list[Any], codec: str = "null") -> Path:
    """Returns the path of an Avro file."""
    path = folder / "rows.avro"
    with path.open("wb") as out:
        fastavro.writer(out, schema, records, codec=codec)
    return path


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_avro_records_become_examples(tmp_path: Path, codec: str) -> None:
    """Each type of Avro becomes one of a tf.Example's, null a missing value, compressed or not."""
    assert read("avro", write_avro(tmp_path, SCHEMA, TRIPS, codec)).rows == [
        {"fare": 1.5, "miles": 3, "company": b"Blue", "day": 86400, "cash": 1},
        {"fare": None, "miles": 2**60, "company": None, "day": 172800, "cash": 0},
    ]


def test_a_wrong_value_or_a_missing_label_is_quarantined(tmp_path: Path) -> None:
    """Rows are counted from 1, and shown as JSON."""
    out = read("avro", write_avro(tmp_path, SCHEMA, TRIPS), types={"company": "INT"}, required=("fare",))
    assert [(row.number, row.reason.split(",")[0]) for row in out.bad] == [
        (1, "'company' holds 'Blue'"),
        (2, "'fare' has no value"),
    ]
    assert out.bad[0].row == '{"fare": 1.5, "miles": 3, "company": "Blue", "day": "1970-01-02", "cash": true}'


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n"])
def test_a_file_that_is_not_avro_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file and a CSV are not Avro, and the message says so."""
    path = tmp_path / "rows.avro"
    path.write_bytes(content)
    assert refusal("avro", path).startswith(f"{path}: cannot be read as Avro: ")


def test_an_avro_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    """Half a copy is not read as half of the rows."""
    path = write_avro(tmp_path, SCHEMA, TRIPS * 1000)
    path.write_bytes(path.read_bytes()[:-30])
    assert refusal("avro", path).startswith(f"{path}: cannot be read as Avro")


@pytest.mark.parametrize(
    ("schema", "records"), [("int", [1]), ({"type": "record", "name": "Nothing", "fields": []}, [{}])]
)
def test_values_that_are_no_records_are_refused(tmp_path: Path, schema: Any, records: list[Any]) -> None:
    """A file of plain integers, or of records without a field, has no columns."""
    path = write_avro(tmp_path, schema, records)
    assert refusal("avro", path).startswith(f"{path}: holds no records with fields.")


def test_the_columns_of_an_avro_file_are_its_fields(tmp_path: Path) -> None:
    """The names are known, in their order, before any row is read."""
    path = write_avro(tmp_path, SCHEMA, [])
    assert READERS["avro"].columns(str(path), options_of("avro", path)) == ["fare", "miles", "company", "day", "cash"]
