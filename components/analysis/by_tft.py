"""TFT's own analysis, as a Beam graph of its own: for the analyzers that are not understood here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apache_beam as beam
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2

from components.analysis.columns import examples_of, only
from components.records.reading import record_batches


def analyze_by_tft(
    pipeline: beam.Pipeline,
    files: list[str],
    schema: schema_pb2.Schema,
    preprocessing: Callable[..., Any],
    graph: str,
    aside: str,
) -> None:
    """Has a Beam pipeline write TFT's transform_fn and transformed_metadata into the folder `graph`.

    Args:
      pipeline: Beam's.
      files: gzipped TFRecords of tf.Examples.
      schema: of the examples.
      preprocessing: the preprocessing_fn.
      graph: where the results go.
      aside: a folder for what is temporary.
    """
    examples = examples_of(schema)
    needed = tft.get_analyze_input_columns(preprocessing, examples.TensorAdapter().OriginalTypeSpecs())
    tensors = examples.Project(needed).TensorAdapterConfig()
    with tft_beam.Context(temp_dir=aside, use_deep_copy_optimization=True):
        rows = record_batches(pipeline, "to analyse", files, only(schema, needed))
        (rows, tensors) | tft_beam.AnalyzeDataset(preprocessing) | tft_beam.WriteTransformFn(graph)
