from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler.compiler import Compiler
from tfx.proto import example_gen_pb2

from components.options_packing import unpack
from components.readers import READERS
from components.source_options import SourceOptions
from pipeline.config import Config
from pipeline.dag import create_pipeline
from pipeline.sources import SOURCES, check_source, columns_of, example_gen
from schema.errors import DataAnomaly, UsageError
from tests.unit.samples import config, write_schema

QUERY = "SELECT fare, tips FROM `project.dataset.trips`"


def of(path: Path | str, **data: Any) -> Config:
    """Returns a configuration of data at a path."""
    return config(data={"path": str(path)} | data)


def told(read: Config, types: dict[str, str] | None = None) -> SourceOptions:
    """Returns what a configuration's ExampleGen is told."""
    return unpack(example_gen(read, types or {}, "/root").exec_properties)


def _touch(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


@pytest.mark.parametrize("glob", ["trips.csv", "trips-*.csv", "day-*/trips-?.csv", "*/trips-[12].csv", "**/*.csv"])
def test_a_path_is_a_file_or_a_glob(tmp_path: Path, glob: str) -> None:
    """Whatever matches is legal, and goes to the component as it is."""
    for name in ("trips.csv", "trips-1.csv", "day-1/trips-1.csv"):
        _touch(tmp_path / name)
    assert told(of(tmp_path / glob)).path == str(tmp_path / glob)


@pytest.mark.parametrize("name", ["none.csv", "none-*.csv", "{SPAN}/none.csv"])
def test_data_that_does_not_exist_is_named(tmp_path: Path, name: str) -> None:
    """A file that does not exist, or a glob that matches none, is told by its path, with the key to set."""
    with pytest.raises(UsageError) as caught:
        check_source(of(tmp_path / name))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / name}: there is no such data file.")
    assert "data.path" in message


def test_a_span_that_does_not_exist_is_named_before_a_run(tmp_path: Path) -> None:
    """The check before a run looks for the span that is asked for."""
    _touch(tmp_path / "3" / "trips.csv")
    with pytest.raises(UsageError, match="there is no span 4"):
        check_source(of(tmp_path / "{SPAN}" / "trips.csv", span=4))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("cvs", "Did you mean 'csv'?"),
        ("parqet", "Did you mean 'parquet'?"),
        ("oracle", "Legal here: avro, bigquery, csv, jsonl, parquet, sql, tfrecord."),
    ],
)
def test_an_unknown_source_names_the_nearest(tmp_path: Path, source: str, words: str) -> None:
    """A source that is none is told with the key, the word given, and the nearest source or all of them."""
    with pytest.raises(UsageError) as caught:
        check_source(of(_touch(tmp_path / "trips.csv"), source=source))
    assert str(caught.value) == f"'data.source' is {source!r}. {words}"


@pytest.mark.parametrize("delimiter", ["§", '"', "\n"])
def test_a_delimiter_that_is_none_is_refused(tmp_path: Path, delimiter: str) -> None:
    """What the CSV format uses otherwise, or its reader cannot take, is told with its key."""
    with pytest.raises(UsageError, match=r"'data\.delimiter' is .*Legal is one ASCII character"):
        check_source(of(_touch(tmp_path / "trips.csv"), delimiter=delimiter))


def test_splits_are_those_of_the_configuration(tmp_path: Path) -> None:
    """The hash buckets of each split are those that data.splits gives, in its order."""
    read = of(_touch(tmp_path / "trips.csv"), splits={"train": 7, "eval": 1, "test": 2})
    assert list(told(read).splits.items()) == [("train", 7), ("eval", 1), ("test", 2)]


def test_spans_that_are_tested_on_take_the_place_of_the_test_split(tmp_path: Path) -> None:
    """No row of the other spans is held back for a test, and the component has the three splits all the same."""
    for span in "12":
        _touch(tmp_path / span / "trips.csv")
    read = of(tmp_path / "{SPAN}" / "trips.csv", window=2, test_spans=1, splits={"train": 7, "eval": 1, "test": 2})
    assert told(read).splits == {"train": 7, "eval": 1}
    output = example_gen(read, {}, "/root").exec_properties["output_config"]
    splits = json_format.Parse(output, example_gen_pb2.Output()).split_config.splits
    assert [split.name for split in splits] == ["train", "eval", "test"]


def test_the_label_says_what_a_row_must_have(tmp_path: Path) -> None:
    """Each column of the label's expression is needed; the limit and the place of the quarantine go with it."""
    file = _touch(tmp_path / "trips.csv")
    read = config(data={"path": str(file)}, label="tips > 0.2 * fare", gates={"rows": {"max_quarantined": 0.5}})
    options = told(read)
    assert set(options.required) == {"tips", "fare"}
    assert (options.max_quarantined, options.quarantine) == (0.5, "/root/quarantine")


@pytest.mark.parametrize(
    "other",
    [{"split_seed": 1}, {"source": "parquet"}, {"delimiter": ";"}, {"encoding": "latin-1"}, {"missing": ["NA"]}],
    ids=lambda other: next(iter(other)),
)
def test_whatever_changes_the_rows_changes_the_step(tmp_path: Path, other: dict[str, object]) -> None:
    """Another seed, format or way of reading gives the step other properties: it is not taken from the cache."""
    path = _touch(tmp_path / "trips.csv")
    before, after = (example_gen(of(path, **data), {}, "/root").exec_properties for data in ({}, other))
    assert json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)


def test_curated_types_change_the_step(tmp_path: Path) -> None:
    """Another curated type of a column gives the step other properties."""
    read = of(_touch(tmp_path / "trips.csv"))
    before, after = (example_gen(read, {"fare": kind}, "/root").exec_properties for kind in ("INT", "FLOAT"))
    assert json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)


def test_the_columns_are_those_of_the_first_file(tmp_path: Path) -> None:
    """The names of a source's columns are those in the header of its first file by name."""
    (tmp_path / "b.csv").write_text("other\n1\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text('fare,"trip, miles"\n1,2\n', encoding="utf-8")
    assert columns_of(of(tmp_path / "*.csv")) == ["fare", "trip, miles"]


def test_a_source_without_a_header_has_no_columns(tmp_path: Path) -> None:
    """An empty CSV has no columns to be held against the configuration, and is told by its path."""
    with pytest.raises(DataAnomaly, match=r"trips\.csv: is empty"):
        columns_of(of(_touch(tmp_path / "trips.csv")))


def test_every_reader_is_a_source() -> None:
    """Each format that can be read can be named, beside BigQuery, which TFX reads."""
    assert set(SOURCES) == {*READERS, "bigquery"}


def big_query(folder: Path) -> Config:
    """Returns a configuration of rows in BigQuery."""
    splits = {"train": 7, "eval": 1, "test": 2}
    return config(
        data={"source": "bigquery", "query": QUERY, "splits": splits},
        schema={"path": str(write_schema(folder))},
        runner={"beam_args": ["--project=somebodys", "--temp_location=gs://somewhere/tmp"]},
    )


def test_big_query_is_read_by_the_stock_component(tmp_path: Path) -> None:
    """The component is TFX's own, with the query and the hash buckets of the configuration."""
    component = example_gen(big_query(tmp_path), {}, "/root")
    assert type(component).__module__ == "tfx.extensions.google_cloud_big_query.example_gen.component"
    given = json_format.Parse(component.exec_properties["input_config"], example_gen_pb2.Input())
    assert [split.pattern for split in given.splits] == [QUERY]
    output = json_format.Parse(component.exec_properties["output_config"], example_gen_pb2.Output())
    assert [(split.name, split.hash_buckets) for split in output.split_config.splits] == [
        ("train", 7),
        ("eval", 1),
        ("test", 2),
    ]


def test_a_dag_over_big_query_compiles_without_asking_google(tmp_path: Path) -> None:
    """The whole DAG becomes an IR offline: the query is in it, and nothing is run."""
    read = big_query(tmp_path)
    check_source(read)
    assert columns_of(read) == []
    place = str(tmp_path)
    dag = create_pipeline(read, place, place, place, metadata_store_pb2.ConnectionConfig(), [])
    nodes = [node.pipeline_node for node in Compiler().compile(dag).nodes]
    (source,) = [node for node in nodes if node.node_info.id == "ExampleGen"]
    assert QUERY in str(source.parameters.parameters["input_config"])
    assert {node.node_info.id for node in nodes} >= {"DataGate", "Trainer", "Evaluator", "Pusher"}
