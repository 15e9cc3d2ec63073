"""A full-pass analysis: from examples and a preprocessing_fn to the artifact that TFT's own analysis would give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.nodes import Traverser
from tensorflow_transform.tf_metadata import metadata_io
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata
from tfx.dsl.io import fileio

from components.analysis.by_tft import analyze_by_tft
from components.analysis.columns import examples_of, only
from components.analysis.dag import Evaluation, analyzers_of
from components.analysis.passes import ROWS, AnalyzeFile, accumulators, analyze_files, row_count
from components.analysis.traced import Traced, trace
from components.records.shard import ASIDE

MakePipeline = Callable[[], beam.Pipeline]
CheckRows = Callable[[int], None]


def analyze(
    make_pipeline: MakePipeline,
    files: list[str],
    schema: schema_pb2.Schema,
    preprocessing: Callable[..., Any],
    graph: str,
    check: CheckRows = lambda _: None,
) -> None:
    """Writes TFT's transform graph: the function with what it needs to know of all rows, and the metadata.

    Args:
      make_pipeline: returns a Beam pipeline.
      files: gzipped TFRecords of tf.Examples.
      schema: of the examples.
      preprocessing: the preprocessing_fn.
      graph: the folder of the artifact.
      check: is told how many rows each pass has seen, which TFT's own passes do not count.
    """
    aside = f"{graph}/{ASIDE}"
    if fileio.exists(aside):  # of a worker that died
        fileio.rmtree(aside)
    fileio.makedirs(aside)
    traced = trace(preprocessing, examples_of(schema).TensorAdapter().OriginalTypeSpecs(), aside)
    if traced.is_understood():
        traced.write(results(make_pipeline, files, schema, traced, check), graph)
    else:
        with make_pipeline() as pipeline:
            analyze_by_tft(pipeline, files, schema, preprocessing, graph, aside)
    metadata_io.write_metadata(DatasetMetadata(schema), f"{graph}/{tft.TFTransformOutput.RAW_METADATA_DIR}")
    fileio.rmtree(aside)


def results(
    make_pipeline: MakePipeline, files: list[str], schema: schema_pb2.Schema, traced: Traced, check: CheckRows
) -> dict[str, tf.Tensor]:
    """Returns the analyzers' results by the names of the tensors that stand for them; a pass finds those of a phase.

    An analyzer of what depends on another's result waits for it, and for the next phase.
    """
    known: dict[str, tf.Tensor] = {}
    while ready := traced.ready(known):
        phase = f"{traced.aside}/{len(known)}"
        analyzers = row_count() | {label: one for sink in ready for label, one in analyzers_of(sink.future).items()}
        part = traced.part(ready, known)
        adapter = examples_of(schema).Project(list(part.columns)).TensorAdapterConfig()
        with make_pipeline() as pipeline:
            work = AnalyzeFile(analyzers, part, only(schema, part.columns), adapter)
            analyze_files(pipeline, files, work, analyzers, f"{phase}/accumulators")
        found = accumulators(analyzers, f"{phase}/accumulators")
        check(found[ROWS])
        nodes = Traverser(Evaluation(found, f"{phase}/vocabularies"))
        known |= {
            sink.tensor.name: tf.constant(nodes.visit_value_node(sink.future), sink.tensor.dtype) for sink in ready
        }
    return known
