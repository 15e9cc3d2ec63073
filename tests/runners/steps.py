"""Each step that uses Beam, over a table of two columns, as the DAG would run it on some runner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import json_format, text_format
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import (
    Examples,
    ExampleStatistics,
    Model,
    ModelBlessing,
    ModelEvaluation,
    Schema,
    TransformGraph,
)

from components import evaluator, example_gen, statistics_gen, transform
from pipeline.sources import example_gen as component
from tests.components.tables import to_examples, write_records
from tests.runners.graphs import Built
from tests.unit.samples import config

COLUMNS = {"x": [float(row) for row in range(40)], "y": [2.0 * row for row in range(40)]}
SCHEMA = 'feature { name: "x" type: FLOAT shape { dim { size: 1 } } presence { min_fraction: 1 } } '
WHOLE = SCHEMA + SCHEMA.replace('"x"', '"y"')
EVALUATION = """
    model_specs { label_key: "y" signature_name: "serving_default" model_type: "tf_generic" }
    slicing_specs {}
    metrics_specs { metrics { class_name: "ExampleCount" } metrics { class_name: "MeanSquaredError" } }
"""
OWN = f"{__name__}.scaled"
Pipelines = Callable[[], Any]


def scaled(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """A preprocessing_fn that wants an analysis."""
    del custom_config
    return {"x": tft.scale_to_z_score(inputs["x"])}


class Twice(tf.Module):
    """Answers twice x, which is y."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature that is evaluated."""
        return {"output": tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"] * 2.0}


def begun(folder: Path, pipelines: Pipelines) -> Iterator[str]:
    """Begins each step's work, which ends where its Beam pipeline is built; yields the step's name."""
    examples, schema = _examples(folder / "examples"), _schema(folder / "schema")
    steps: dict[str, Callable[[], None]] = {
        "ExampleGen": lambda: _example_gen(folder, pipelines),
        "StatisticsGen": lambda: _statistics_gen(folder, pipelines, examples),
        "Transform's analysis": lambda: _transform(folder, pipelines, examples, schema),
        "Transform": lambda: _apply(folder, pipelines),
        "Evaluator": lambda: _evaluator(folder, pipelines, examples, schema),
    }
    for name, step in steps.items():
        with suppress(Built):
            step()
        yield name


def _example_gen(folder: Path, pipelines: Pipelines) -> None:
    rows = folder / "rows.csv"
    rows.write_text("\n".join(["x,y", *(f"{x},{y}" for x, y in zip(COLUMNS["x"], COLUMNS["y"], strict=True))]))
    read = config(label="y", problem="regression", data={"path": str(rows)})
    properties = dict(component(read, {"x": "FLOAT", "y": "FLOAT"}, str(folder / "root")).exec_properties)
    context = example_gen.Executor.Context(make_beam_pipeline_fn=pipelines)
    example_gen.Executor(context).Do({}, {"examples": [_at(Examples(), folder / "made")]}, properties)


def _statistics_gen(folder: Path, pipelines: Pipelines, examples: Examples) -> None:
    context = statistics_gen.Executor.Context(make_beam_pipeline_fn=pipelines)
    outputs = {"statistics": [_at(ExampleStatistics(), folder / "statistics")]}
    statistics_gen.Executor(context).Do({"examples": [examples]}, outputs, {})


def _transform(folder: Path, pipelines: Pipelines, examples: Examples, schema: Schema) -> None:
    context = transform.Executor.Context(make_beam_pipeline_fn=pipelines, unique_id="1")
    outputs = {
        "transform_graph": [_at(TransformGraph(), folder / "graph")],
        "transformed_examples": [_at(Examples(), folder / "transformed")],
    }
    properties = {
        "preprocessing_fn": OWN,
        "custom_config": "{}",
        "splits_config": '{"analyze": ["test"], "transform": ["test"]}',
    }
    transform.Executor(context).Do({"examples": [examples], "schema": [schema]}, outputs, properties)


def _apply(folder: Path, pipelines: Pipelines) -> None:
    """What comes after an analysis."""
    context = transform.Executor.Context(make_beam_pipeline_fn=pipelines, unique_id="1")
    files, folders = {"test": [str(folder / "examples" / "Split-test" / "data.gz")]}, {"test": str(folder / "applied")}
    transform.Executor(context)._apply(files, folders, str(folder / "graph"))


def _evaluator(folder: Path, pipelines: Pipelines, examples: Examples, schema: Schema) -> None:
    module = Twice()
    tf.saved_model.save(module, str(folder / "model" / "Format-Serving"), signatures={"serving_default": module.serve})
    model = _at(Model(), folder / "model")
    model.set_string_custom_property("tfx_version", "1.21.0")
    context = evaluator.Executor.Context(make_beam_pipeline_fn=pipelines)
    inputs = {"examples": [examples], "model": [model], "baseline_model": [], "schema": [schema]}
    outputs = {
        "evaluation": [_at(ModelEvaluation(), folder / "evaluation")],
        "blessing": [_at(ModelBlessing(), folder / "blessing")],
    }
    properties = {
        "eval_config": json_format.MessageToJson(text_format.Parse(EVALUATION, config_pb2.EvalConfig())),
        "example_splits": '["test"]',
        "blessed_models": str(folder / "blessed"),
    }
    evaluator.Executor(context).Do(inputs, outputs, properties)


def _examples(folder: Path) -> Examples:
    write_records(folder / "Split-test" / "data.gz", to_examples(COLUMNS))
    artifact = _at(Examples(), folder)
    artifact.split_names = encode_split_names(["test"])
    examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(artifact, "tfrecords_gzip")
    return artifact


def _schema(folder: Path) -> Schema:
    folder.mkdir()
    (folder / "schema.pbtxt").write_text(WHOLE, encoding="utf-8")
    return _at(Schema(), folder)


def _at(artifact: Any, folder: Path) -> Any:
    artifact.uri = str(folder)
    return artifact
