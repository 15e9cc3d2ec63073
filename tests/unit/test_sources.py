from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import json_format
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.proto import example_gen_pb2

from components.readers import READERS
from pipeline.config import Data
from pipeline.sources import SOURCES, columns_of, example_gen
from schema.errors import DataAnomaly, UsageError


def _pattern(component: BaseComponent) -> tuple[str, str]:
    """The folder that an ExampleGen reads, and the pattern of its files there."""
    properties = component.exec_properties
    given = json_format.Parse(properties["input_config"], example_gen_pb2.Input())
    return str(properties["input_base"]), str(given.splits[0].pattern)


def _touch(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def test_a_file_is_read_from_its_folder(tmp_path: Path) -> None:
    """One file is that name in its folder."""
    file = _touch(tmp_path / "trips.csv")
    assert _pattern(example_gen(Data(path=str(file)), {})) == (str(tmp_path), "trips.csv")


@pytest.mark.parametrize("glob", ["trips-*.csv", "day-*/trips-?.csv", "*/trips-[12].csv"])
def test_a_glob_is_a_pattern_below_the_last_plain_folder(tmp_path: Path, glob: str) -> None:
    """Of a glob the part up to the first wildcard is the folder, and the rest the pattern of files below it."""
    _touch(tmp_path / "trips-1.csv")
    _touch(tmp_path / "day-1" / "trips-1.csv")
    assert _pattern(example_gen(Data(path=str(tmp_path / glob)), {})) == (str(tmp_path), glob)


@pytest.mark.parametrize("name", ["none.csv", "none-*.csv"])
def test_data_that_does_not_exist_is_named(tmp_path: Path, name: str) -> None:
    """A file that does not exist, or a glob that matches none, is told by its path, with the key to set."""
    with pytest.raises(UsageError) as caught:
        example_gen(Data(path=str(tmp_path / name)), {})
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / name}: there is no such data file.")
    assert "data.path" in message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("cvs", "Did you mean 'csv'?"),
        ("parqet", "Did you mean 'parquet'?"),
        ("oracle", "Legal here: csv, parquet, tfrecord."),
    ],
)
def test_an_unknown_source_names_the_nearest(tmp_path: Path, source: str, words: str) -> None:
    """A source that is none is told with the key, the word given, and the nearest source or all of them."""
    file = _touch(tmp_path / "trips.csv")
    with pytest.raises(UsageError) as caught:
        example_gen(Data(source=source, path=str(file)), {})
    assert str(caught.value) == f"'data.source' is {source!r}. {words}"


def test_splits_are_those_of_the_configuration(tmp_path: Path) -> None:
    """The hash buckets of each split are those that data.splits gives, in its order."""
    file = _touch(tmp_path / "trips.csv")
    component = example_gen(Data(path=str(file), splits={"train": 7, "eval": 1, "test": 2}), {})
    output = json_format.Parse(component.exec_properties["output_config"], example_gen_pb2.Output())
    buckets = [(split.name, split.hash_buckets) for split in output.split_config.splits]
    assert buckets == [("train", 7), ("eval", 1), ("test", 2)]


@pytest.mark.parametrize("other", [{"split_seed": 1}, {"source": "parquet"}])
def test_whatever_changes_the_rows_changes_the_step(tmp_path: Path, other: dict[str, object]) -> None:
    """Another seed or format gives the step other properties, so that its result is not taken from the cache."""
    path = str(_touch(tmp_path / "trips.csv"))
    before = example_gen(Data(path=path), {"fare": "FLOAT"}).exec_properties
    after = example_gen(Data.model_validate({"path": path} | other), {"fare": "FLOAT"}).exec_properties
    assert json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)


def test_curated_types_change_the_step(tmp_path: Path) -> None:
    """Another curated type of a column gives the step other properties."""
    data = Data(path=str(_touch(tmp_path / "trips.csv")))
    before, after = (example_gen(data, {"fare": kind}).exec_properties for kind in ("INT", "FLOAT"))
    assert json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)


def test_the_columns_are_those_of_the_first_file(tmp_path: Path) -> None:
    """The names of a source's columns are those in the header of its first file by name."""
    (tmp_path / "b.csv").write_text("other\n1\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text('fare,"trip, miles"\n1,2\n', encoding="utf-8")
    assert columns_of(Data(path=str(tmp_path / "*.csv"))) == ["fare", "trip, miles"]


def test_a_source_without_a_header_has_no_columns(tmp_path: Path) -> None:
    """An empty CSV has no columns to be held against the configuration, and is told by its path."""
    file = _touch(tmp_path / "trips.csv")
    with pytest.raises(DataAnomaly, match=r"trips\.csv: is empty"):
        columns_of(Data(path=str(file)))


def test_every_source_has_a_reader() -> None:
    """Each source that a configuration may name can be read."""
    assert set(SOURCES) == set(READERS)
