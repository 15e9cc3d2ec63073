from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import channel_utils
from tfx.types.standard_artifacts import ExampleStatistics

from pipeline.loading import load
from pipeline.schemas import column_types, data_gate_options, read_schema, schema_gen
from schema.errors import UsageError
from tests.unit.samples import SCHEMA, TAXI, config, write_schema

FARE = {"column": "fare", "role": "numeric"}
BAR = {"auc": {"min": 0.5}}
LACKING: dict[str, tuple[dict[str, Any], str]] = {
    "a feature": ({"features": [FARE, {"column": "fair", "role": "numeric"}]}, "features.1 names 'fair'"),
    "a crossed feature": ({"features": [{"columns": ["hour", "fair"], "role": "crossed"}]}, "features.0 names 'fair'"),
    "the label": ({"label": "tips > fair"}, "label names 'fair'"),
    "a slice": ({"evaluation": {"slices": [["hour"], ["hour", "fair"]]}}, "evaluation.slices names 'fair'"),
    "a bar": (
        {"evaluation": {"slice_bars": [{"slice": {"fair": None}, "metrics": BAR}]}},
        "evaluation.slice_bars names 'fair'",
    ),
    "a severity": ({"gates": {"data": {"features": {"fair": "warn"}}}}, "gates.data.features names 'fair'"),
}


def _data(folder: Path) -> dict[str, str]:
    """A data section with a CSV of the four columns."""
    file = folder / "trips.csv"
    file.write_text("fare,tips,hour,company\n1.5,0,7,Flash\n", encoding="utf-8")
    return {"path": str(file)}


def test_a_curated_schema_gives_the_types_of_its_columns(tmp_path: Path) -> None:
    """Each column of the curated schema comes with the type that it has there."""
    given = config(schema={"path": str(write_schema(tmp_path))})
    assert column_types(given) == {"fare": "FLOAT", "tips": "FLOAT", "hour": "INT", "company": "BYTES"}


def test_without_a_curated_schema_the_roles_say_what_is_a_number(tmp_path: Path) -> None:
    """A configuration without a schema asks a number of the columns that a role calculates with, and of no other."""
    features = [FARE, {"column": "company", "role": "hashed"}]
    assert column_types(config(features=features, data=_data(tmp_path))) == {"fare": "NUMBER"}


@pytest.mark.parametrize(("changes", "words"), LACKING.values(), ids=LACKING)
def test_a_column_that_the_data_lacks_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """Without a schema a column that the data lacks is told with the key, the data, and the nearest column."""
    data = _data(tmp_path)
    with pytest.raises(UsageError) as caught:
        column_types(config(**changes, data=data))
    assert str(caught.value) == f"{words}, which {data['path']} does not have. Did you mean 'fare'?"


def test_the_shipped_taxi_configuration_fits_its_schema() -> None:
    """Every column that configs/taxi.yaml names is in its schema, with a type that its roles can use."""
    loaded = load([TAXI])
    assert set(loaded.feature_columns) <= set(column_types(loaded))


@pytest.mark.parametrize(("changes", "words"), LACKING.values(), ids=LACKING)
def test_a_column_that_the_schema_lacks_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """A column that the schema lacks is told with the key that names it, the schema, and the nearest column."""
    schema = str(write_schema(tmp_path))
    with pytest.raises(UsageError) as caught:
        column_types(config(**changes, schema={"path": schema}))
    assert str(caught.value) == f"{words}, which {schema} does not have. Did you mean 'fare'?"


@pytest.mark.parametrize("role", ["numeric", "bucketized", "date"])
def test_a_text_column_has_no_role_that_calculates(tmp_path: Path, role: str) -> None:
    """A role that needs a number refuses a column of text, and names the roles that take one."""
    given = config(features=[{"column": "company", "role": role}], schema={"path": str(write_schema(tmp_path))})
    with pytest.raises(UsageError, match=r"'company'.*needs a number.*text.*categorical or hashed"):
        column_types(given)


@pytest.mark.parametrize("role", ["categorical", "hashed"])
def test_a_text_column_may_be_a_category(tmp_path: Path, role: str) -> None:
    """A column of text in a role that takes any type is accepted."""
    given = config(features=[{"column": "company", "role": role}], schema={"path": str(write_schema(tmp_path))})
    assert column_types(given)["company"] == "BYTES"


def test_a_missing_schema_is_named(tmp_path: Path) -> None:
    """A curated schema that does not exist is told by its path."""
    file = tmp_path / "none.pbtxt"
    with pytest.raises(UsageError) as caught:
        read_schema(str(file))
    assert str(caught.value).startswith(f"{file}: the schema cannot be read: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"feature { nam: 'fare' }", "nam"),
        (b"feature { name: 'fare' type: DECIMAL }", "DECIMAL"),
        (b"fare,tips\n1,2\n", "is not a schema in protobuf's text format"),
        (b"feature { name: 'fare'", "is not a schema in protobuf's text format"),
        (b"\xff\xfe", "cannot be read"),
    ],
    ids=["unknown field", "unknown type", "a CSV", "open brace", "not UTF-8"],
)
def test_what_is_no_schema_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no schema is refused by its path, with what does not parse."""
    file = tmp_path / "bad.pbtxt"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_schema(str(file))
    assert str(caught.value).startswith(f"{file}: ")
    assert words in str(caught.value)


def test_a_curated_schema_becomes_a_step_with_its_text(tmp_path: Path) -> None:
    """The curated schema travels in the step itself, so that an edit of the file changes the step."""
    statistics = channel_utils.as_channel([ExampleStatistics()])
    step = schema_gen(config(schema={"path": str(write_schema(tmp_path))}), statistics)
    text = step.exec_properties["text"]
    assert step.id == "ImportSchemaGen"
    assert text_format.Parse(text, schema_pb2.Schema()) == text_format.Parse(SCHEMA, schema_pb2.Schema())


def test_without_a_curated_schema_one_is_inferred_from_all_splits() -> None:
    """The inferred schema reads every split: a category of the test split alone is no anomaly where none is curated."""
    step = schema_gen(config(), channel_utils.as_channel([ExampleStatistics()]))
    assert step.id == "SchemaGen"
    assert json.loads(step.exec_properties["exclude_splits"]) == []


def test_the_data_gate_is_told_what_the_configuration_says() -> None:
    """The gate gets the label, the problem, and the severity of each feature."""
    gates = {"data": {"default": "warn", "features": {"fare": "fail"}}}
    options = data_gate_options(config(gates=gates))
    assert (options["label"], options["problem"]) == ("tips > 0.2 * fare", "binary")
    assert options["default_severity"] == "warn"
    assert json.loads(options["severities"]) == {"fare": "fail"}
