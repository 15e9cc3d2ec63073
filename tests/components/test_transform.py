"""Our Transform beside TFX's, on the same examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import text_format
from tfx.components.transform.executor import Executor as StockExecutor
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import Examples, Schema, TransformGraph
from tfx.utils import json_utils

from components.preprocessing import to_column
from components.row_counts import ROWS_PROPERTY
from components.transform import Executor
from pipeline.options import PREPROCESSING_FN
from schema.errors import StepFailed
from schema.roles import dump_roles
from tests.components import fleet
from tests.components.tables import read_records, to_examples, write_records

TOLD = {"features": dump_roles(fleet.ROLES), "label": fleet.LABEL, "problem": "binary"}
SPLITS = '{"analyze": ["train"], "transform": ["train", "eval"]}'
OWN = f"{__name__}.vectors_and_lists"


def vectors_and_lists(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """What a user's own function may give: vectors, lists of any length, texts."""
    del custom_config
    distance = tf.sparse.to_dense(to_column(inputs["distance"]))[:, 0]
    return {
        "vector": tf.stack([distance, distance + 1.0], axis=1),
        "list": inputs["distance"],
        "text": tf.strings.as_string(distance),
        "scaled": tft.scale_to_z_score(distance),
    }


@dataclass(frozen=True)
class Made:
    """A transform graph, and the folder of transformed examples."""

    graph: tft.TFTransformOutput
    folder: Path

    def rows(self, split: str) -> list[dict[str, Any]]:
        """The values of the transformed examples of a split, in the order of those that are no floats."""
        parsed = (tf.train.Example.FromString(one) for one in read_records(self.folder / f"Split-{split}" / "*"))
        rows = [{name: values(row.features.feature[name]) for name in sorted(row.features.feature)} for row in parsed]
        return sorted(rows, key=lambda row: str([value for value in row.values() if value[0] != "float_list"]))

    @property
    def vocabularies(self) -> dict[str, bytes]:
        """The files of vocabularies, by name."""
        return {path.name: path.read_bytes() for path in Path(self.folder, "../graph/transform_fn/assets").glob("*")}


def values(feature: tf.train.Feature) -> tuple[str, list[Any]]:
    """Returns a feature's kind and its values."""
    kind = feature.WhichOneof("kind") or ""
    return kind, list(getattr(feature, kind).value) if kind else []


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The fleet's table in two splits, one of them in two files, and its schema."""
    folder, rows = tmp_path_factory.mktemp("raw"), to_examples(fleet.columns())
    for name, part in {"train/a": rows[:20], "train/b": rows[20:30], "eval/a": rows[30:]}.items():
        split, file = name.split("/")
        write_records(folder / "examples" / f"Split-{split}" / f"{file}.gz", part)
    examples, schema = Examples(), Schema()
    examples.uri, examples.split_names = str(folder / "examples"), encode_split_names(["train", "eval"])
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    examples.set_string_custom_property(ROWS_PROPERTY, json.dumps({"train": 30, "eval": len(rows) - 30}))
    schema.uri = str(folder / "schema")
    Path(schema.uri).mkdir()
    Path(schema.uri, "schema.pbtxt").write_text(text_format.MessageToString(fleet.schema()), encoding="utf-8")
    return {"examples": [examples], "schema": [schema]}


def transformed(executor: Any, inputs: dict[str, Any], folder: Path, function: str, told: Any) -> Made:
    """Returns what an executor makes of the examples."""
    graph, examples = TransformGraph(), Examples()
    graph.uri, examples.uri = str(folder / "graph"), str(folder / "examples")
    options = PipelineOptions(["--direct_running_mode=in_memory", "--no_save_main_session"])
    context = executor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(options=options), unique_id="1")
    properties = {
        "preprocessing_fn": function,
        "custom_config": json_utils.dumps(told),
        "splits_config": SPLITS,
        "disable_statistics": 1,
    }
    outputs = {"transform_graph": [graph], "transformed_examples": [examples]}
    executor(context).Do(inputs, outputs, properties)
    assert examples.split_names == encode_split_names(["train", "eval"])
    return Made(tft.TFTransformOutput(graph.uri), Path(examples.uri))


@pytest.mark.parametrize(("function", "told"), [(PREPROCESSING_FN, TOLD), (OWN, {})], ids=["ours", "own"])
def test_graph_and_examples_are_those_of_tfx(inputs: dict[str, Any], tmp_path: Path, function: str, told: Any) -> None:
    """The same vocabularies, the same features of the same types, and the same examples."""
    ours, stock = (
        transformed(one, inputs, tmp_path / one.__module__, function, told) for one in (Executor, StockExecutor)
    )
    assert ours.graph.transformed_feature_spec() == stock.graph.transformed_feature_spec()
    assert ours.graph.raw_feature_spec() == stock.graph.raw_feature_spec()
    assert ours.vocabularies == stock.vocabularies
    for split in ("train", "eval"):
        for one, other in zip(ours.rows(split), stock.rows(split), strict=True):
            assert {name: kind for name, (kind, _) in one.items()} == {name: kind for name, (kind, _) in other.items()}
            for name, (kind, found) in one.items():  # the last bits depend on the batches in which TFT analysed
                assert found == (
                    pytest.approx(other[name][1], abs=1e-6, nan_ok=True) if kind == "float_list" else other[name][1]
                ), name


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            {"train": 31, "eval": 10},
            "Transform's analysis: the train split has 31 rows, as ExampleGen wrote it, and 30 ",
        ),
        (
            {"train": 30, "eval": 11},
            "Transform: the eval split has 11 rows, as ExampleGen wrote it, and 10 are in what ",
        ),
    ],
    ids=["analysis", "application"],
)
def test_a_row_that_is_not_seen_fails_the_step(
    inputs: dict[str, Any], tmp_path: Path, rows: dict[str, int], said: str
) -> None:
    """A split of which ExampleGen wrote a row more than was analysed, or transformed, is named with both counts."""
    longer = Examples()
    longer.copy_from(inputs["examples"][0])
    longer.set_string_custom_property(ROWS_PROPERTY, json.dumps(rows))
    with pytest.raises(StepFailed, match=said):
        transformed(Executor, inputs | {"examples": [longer]}, tmp_path, OWN, {})
