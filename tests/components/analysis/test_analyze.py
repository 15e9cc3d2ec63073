"""Our analysis beside TFT's, of the same examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import yaml
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import schema_pb2

from components.analysis.analyze import analyze
from components.analysis.by_tft import analyze_by_tft
from components.analysis.columns import examples_of
from components.analysis.traced import trace
from components.files import local_path
from components.preprocessing import preprocessing_fn
from components.transform import transformer
from schema.roles import dump_roles, parse_roles
from tests.components import fleet
from tests.components.analysis import functions
from tests.components.analysis.functions import Function
from tests.components.tables import read_records, to_examples, write_records

ROWS = 90
ARROW = {schema_pb2.BYTES: pa.string(), schema_pb2.INT: pa.int64(), schema_pb2.FLOAT: pa.float32()}
IN_MEMORY = ("--direct_running_mode=in_memory",)
THREADS = ("--direct_running_mode=multi_threading", "--direct_num_workers=2")
PROCESSES = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
SCHEMA = """
    feature { name: "dense" type: FLOAT shape {} presence { min_fraction: 1 } }
    feature { name: "id" type: INT shape {} presence { min_fraction: 1 } }
    feature { name: "sparse" type: FLOAT value_count { max: 1 } }
    feature { name: "nan" type: FLOAT value_count { max: 1 } }
    feature { name: "blank" type: FLOAT value_count { max: 1 } }
    feature { name: "word" type: BYTES value_count { max: 1 } }
    feature { name: "void" type: BYTES value_count { max: 1 } }
"""


@dataclass(frozen=True)
class Table:
    """Files of tf.Examples, and their schema."""

    files: list[str]
    schema: schema_pb2.Schema


def tiny(folder: Path) -> Table:
    """Returns numbers and texts in three files, one of them without a row."""
    random = np.random.default_rng(0)
    columns = {
        "dense": random.normal(5.0, 2.0, ROWS).astype(np.float32).tolist(),
        "id": random.integers(0, 12, ROWS).tolist(),
        "sparse": [None if row % 7 == 0 else float(row % 11) for row in range(ROWS)],
        "nan": [float("nan") if row % 3 == 0 else float(row) for row in range(ROWS)],
        "blank": [None] * ROWS,
        "word": [None if row % 8 == 0 else f"wörd {row * row % 13}" for row in range(ROWS)],
        "void": [None] * ROWS,
    }
    return split(folder, to_examples(columns), text_format.Parse(SCHEMA, schema_pb2.Schema()))


def split(folder: Path, rows: list[bytes], schema: schema_pb2.Schema) -> Table:
    """Writes rows in three files, the second of which is empty."""
    parts = {"a": rows[: len(rows) // 3], "b": [], "c": rows[len(rows) // 3 :]}
    return Table([str(write_records(folder / f"{name}.gz", part)) for name, part in parts.items()], schema)


def pipelines(options: tuple[str, ...] = IN_MEMORY) -> Callable[[], beam.Pipeline]:
    """Returns what makes pipelines."""
    return lambda: beam.Pipeline(options=PipelineOptions([*options, "--no_save_main_session"]))


def by_ours(table: Table, function: Function, folder: Path, options: tuple[str, ...] = IN_MEMORY) -> Path:
    """Returns the folder of our graph."""
    analyze(pipelines(options), table.files, table.schema, function, str(folder / "ours"))
    return folder / "ours"


def by_tft(table: Table, function: Function, folder: Path) -> Path:
    """Returns the folder of the graph that is TFT's own."""
    with pipelines()() as pipeline:
        analyze_by_tft(pipeline, table.files, table.schema, function, str(folder / "tft"), str(folder / "aside"))
    return folder / "tft"


def is_understood(table: Table, function: Function, folder: Path) -> bool:
    """Returns whether a function's analyzers are walked."""
    specs = examples_of(table.schema).TensorAdapter().OriginalTypeSpecs()
    return trace(function, specs, str(folder)).is_understood()


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the files of a graph but those that hold TensorFlow's functions, which have new names each time."""
    kept = ("transform_fn/assets/*", "transform_fn/variables/*", "transformed_metadata/*")
    return {str(path.relative_to(folder)): path.read_bytes() for kind in kept for path in folder.glob(kind)}


def constants(folder: Path) -> dict[tuple[str, str], Any]:
    """Returns the constants of the functions of a graph: what was found stands among them."""
    model = saved_model_pb2.SavedModel.FromString((folder / "transform_fn" / "saved_model.pb").read_bytes())
    return {
        (function.signature.name.rpartition("_")[0], node.name): tf.make_ndarray(node.attr["value"].tensor)
        for function in model.meta_graphs[0].graph_def.library.function
        for node in function.node_def
        if node.op == "Const"
    }


def assert_same(ours: Path, theirs: Path, table: Table) -> None:
    """Asserts that two graphs have the same files, found the same, and make the same of the rows."""
    assert contents(ours) == contents(theirs)
    found, expected = constants(ours), constants(theirs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert_close(found[name], value)
    rows = read_records(Path(table.files[0])) + read_records(Path(table.files[2]))
    one, other = (transformer(_loaded(folder, table))(np.array(rows, object)).to_pydict() for folder in (ours, theirs))
    assert one.keys() == other.keys()
    for name, values in other.items():
        assert [len(row or ()) for row in one[name]] == [len(row or ()) for row in values]
        assert_close(*(np.array([cell for row in column if row for cell in row]) for column in (one[name], values)))


def assert_close(found: Any, expected: Any) -> None:
    """Asserts that arrays are equal; floats up to 1e-6 of their size, as sums depend on the order of the batches."""
    assert found.dtype == expected.dtype
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)


def _loaded(folder: Path, table: Table) -> tft.TFTransformOutput:
    tft.tf_metadata.metadata_io.write_metadata(tft.DatasetMetadata(table.schema), str(folder / "metadata"))
    return tft.TFTransformOutput(str(folder))


@pytest.mark.parametrize("function", functions.WALKED, ids=lambda function: function.__name__)
def test_what_is_walked_is_as_tft_has_it(function: Function, tmp_path: Path) -> None:
    """Combiners, vocabularies and several phases give TFT's files, constants and examples, from three files of rows."""
    table = tiny(tmp_path)
    assert is_understood(table, function, tmp_path)
    assert_same(by_ours(table, function, tmp_path), by_tft(table, function, tmp_path), table)


@pytest.mark.parametrize("function", functions.LEFT, ids=lambda function: function.__name__)
def test_what_is_not_known_is_left_to_tft(function: Function, tmp_path: Path) -> None:
    """Analyzers by weights, labels or keys, of one's own, or of what a table gives, are seen before data are read."""
    assert not is_understood(tiny(tmp_path), function, tmp_path)


@pytest.mark.parametrize("function", [functions.weights, functions.table], ids=lambda function: function.__name__)
def test_what_is_left_to_tft_is_as_tft_has_it(function: Function, tmp_path: Path) -> None:
    """A function with an analyzer that is not walked gives what TFT gives."""
    table = tiny(tmp_path)
    assert_same(by_ours(table, function, tmp_path), by_tft(table, function, tmp_path), table)


@pytest.mark.parametrize("options", [THREADS, PROCESSES], ids=["threads", "processes"])
def test_workers_share_the_work(options: tuple[str, ...], tmp_path: Path) -> None:
    """Two threads, or two processes, find in three files what one process finds."""
    table = tiny(tmp_path)
    one = by_ours(table, functions.mixed, tmp_path / "one")
    assert_same(by_ours(table, functions.mixed, tmp_path / "two", options), one, table)


def test_each_pass_tells_how_many_rows_it_has_seen(tmp_path: Path) -> None:
    """Each of three passes, which need what those before have found, sees all rows of three files."""
    table, seen = tiny(tmp_path), list[int]()
    analyze(pipelines(THREADS), table.files, table.schema, functions.phases, str(tmp_path / "graph"), seen.append)
    assert seen == [ROWS] * 3


def test_no_rows(tmp_path: Path) -> None:
    """Of no rows the analysis finds what TFT finds of none."""
    table = tiny(tmp_path)
    empty = Table([table.files[1]], table.schema)
    assert_same(by_ours(empty, functions.mixed, tmp_path), by_tft(empty, functions.mixed, tmp_path), table)


@pytest.mark.parametrize(
    ("label", "problem"), [(fleet.CLASSES, "multiclass"), ("zone", "multiclass"), ("tips * 2", "regression")]
)
def test_labels(label: str, problem: str, tmp_path: Path) -> None:
    """Labels of classes, texts or integers, and of numbers are as TFT has them."""
    told = {"features": dump_roles(fleet.FEW_ROLES), "label": label, "problem": problem}
    table = split(tmp_path, to_examples(fleet.columns()), fleet.schema())

    def function(inputs: functions.Inputs) -> dict[str, Any]:
        return preprocessing_fn(inputs, told)

    assert is_understood(table, function, tmp_path)
    assert_same(by_ours(table, function, tmp_path), by_tft(table, function, tmp_path), table)


def test_taxi_trips(tmp_path: Path) -> None:
    """The 25 features of configs/taxi.yaml are, for two thousand trips, as TFT has them."""
    told = yaml.safe_load(Path("configs/taxi.yaml").read_text(encoding="utf-8"))
    roles = dump_roles(parse_roles(told["features"]))
    trips = pa.csv.read_csv(local_path(told["data"]["path"])).slice(0, 2000)
    schema = text_format.Parse(Path("schema/taxi.pbtxt").read_text(encoding="utf-8"), schema_pb2.Schema())
    columns = {feature.name: trips[feature.name].cast(ARROW[feature.type]).to_pylist() for feature in schema.feature}
    table = split(tmp_path, to_examples(columns), schema)

    def function(inputs: functions.Inputs) -> dict[str, Any]:
        return preprocessing_fn(inputs, {"features": roles, "label": told["label"], "problem": told["problem"]})

    assert is_understood(table, function, tmp_path)
    assert_same(by_ours(table, function, tmp_path), by_tft(table, function, tmp_path), table)


def test_a_function_without_outputs_is_refused_as_tft_refuses_it(tmp_path: Path) -> None:
    """A preprocessing_fn that gives nothing ends in TFT's own words."""
    table = tiny(tmp_path)
    with pytest.raises(ValueError, match="returned an empty dict"):
        by_ours(table, lambda _: {}, tmp_path)
