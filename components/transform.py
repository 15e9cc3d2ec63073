"""Transform: TFX's component, with TFT's analyzers; what it makes of the examples is computed and written by columns.

The graph that TFT writes is what the model carries, too. It is applied here as it is there: to thousands of serialised
tf.Examples at a time, by TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.transform import component, executor_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as keys
from tfx.utils import json_utils

from components.analysis.analyze import analyze
from components.raw_examples import read_schema
from components.records.encoding import encode
from components.records.reading import batches_of, files_of
from components.records.shard import ASIDE, Shard
from components.row_counts import check_rows
from components.transform_layer import features_layer
from components.user_code import load_function

LEVEL = 1  # of gzip
Preprocessing = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Executor(BaseBeamExecutor):
    """Analyses the splits that it is told to, and transforms others."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Writes the transform graph, and the transformed examples of each split."""
        examples = input_dict[keys.EXAMPLES_KEY]
        splits = executor_utils.ResolveSplitsConfig(exec_properties[keys.SPLITS_CONFIG_KEY], examples)
        graph = artifact_utils.get_single_uri(output_dict[keys.TRANSFORM_GRAPH_KEY])
        transformed = output_dict[keys.TRANSFORMED_EXAMPLES_KEY]
        executor_utils.SetSplitNames(splits.transform, transformed)
        schema = read_schema(input_dict[keys.SCHEMA_KEY])
        analysed = [file for split in splits.analyze for file in files_of(examples, split)]
        check = partial(check_rows, "Transform's analysis", examples, list(splits.analyze))
        analyze(self._make_beam_pipeline, analysed, schema, _preprocessing_fn(exec_properties), graph, check)
        folders = {split: artifact_utils.get_split_uri(transformed, split) for split in splits.transform}
        rows = self._apply({split: files_of(examples, split) for split in folders}, folders, graph)
        for split in folders:
            check_rows("Transform", examples, [split], rows.get(split, 0))

    def _apply(self, files: Mapping[str, list[str]], folders: Mapping[str, str], graph: str) -> dict[str, int]:
        """Writes for each file of a split one with its rows transformed; returns how many, by split."""
        aside = f"{graph}/{ASIDE}"
        counts = f"{aside}/rows.jsonl"
        for folder in (*folders.values(), aside):
            fileio.makedirs(folder)
        tasks = [
            (split, file, f"{folders[split]}/transformed_examples-{index:05d}-of-{len(of_split):05d}.gz")
            for split, of_split in files.items()
            for index, file in enumerate(of_split)
        ]
        with self._make_beam_pipeline() as pipeline:
            (
                pipeline
                | "Files" >> beam.Create(tasks, reshuffle=True)
                | "Transform" >> beam.ParDo(TransformFile(graph, aside))
                | "Sum" >> beam.CombinePerKey(sum)
                | "As JSON" >> beam.Map(json.dumps)
                | "Write counts" >> beam.io.WriteToText(counts, shard_name_template="")
            )
        with fileio.open(counts) as said:
            rows = dict(json.loads(line) for line in said.read().splitlines())
        fileio.rmtree(aside)
        return rows


class TransformFile(beam.DoFn):
    """Reads a file of a split's tf.Examples, and writes one of what the graph makes of them; yields how many.

    Args:
      graph: TFT's.
      aside: a folder for what is not yet whole.
    """

    def __init__(self, graph: str, aside: str) -> None:
        self._graph, self._aside = graph, aside

    def setup(self) -> None:
        """Loads the graph."""
        self._transformed = transformer(tft.TFTransformOutput(self._graph))

    def process(self, task: tuple[str, str, str]) -> Iterator[tuple[str, int]]:
        """Writes the second file from the first; yields the split and how many rows were written."""
        split, source, target = task
        rows = 0
        with Shard(target, self._aside, LEVEL) as shard:
            for records in batches_of([source]):
                made = encode(self._transformed(records))
                shard.write(made)
                rows += len(made)
        yield split, rows


def transformer(output: tft.TFTransformOutput) -> Callable[[Any], pa.RecordBatch]:
    """Returns what transforms a batch of serialised tf.Examples, shape [rows]."""
    spec, layer = output.raw_feature_spec(), features_layer(output)
    convert = tft.impl_helper.make_tensor_to_arrow_converter(output.transformed_metadata.schema).convert

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    @tf.autograph.experimental.do_not_convert
    def transform(serialized: tf.Tensor) -> Any:
        return layer(tf.io.parse_example(serialized, spec))

    return lambda records: convert(transform(records))


def _preprocessing_fn(exec_properties: Mapping[str, Any]) -> Preprocessing:
    function = load_function(exec_properties[keys.PREPROCESSING_FN_KEY], ("inputs", "custom_config"))
    told = json_utils.loads(exec_properties[keys.CUSTOM_CONFIG_KEY])

    @tf.autograph.experimental.do_not_convert  # TFT traces it without, too
    def preprocessing(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        features: Mapping[str, Any] = function(inputs, told)
        return features

    made: Preprocessing = preprocessing
    return made


class Transform(component.Transform):
    """The step that turns columns into features."""

    EXECUTOR_SPEC = BeamExecutorSpec(Executor)
