"""A transform graph over a small table, made as TFX's Transform makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.tfxio.tf_example_record import TFExampleBeamRecord

from components.preprocessing import preprocessing_fn
from tests.components import fleet
from tests.components.tables import Columns, to_examples

Arrays = dict[str, npt.NDArray[Any]]
IN_MEMORY = PipelineOptions(["--direct_running_mode=in_memory"])


@dataclass(frozen=True)
class Graph:
    """A table, the graph that its analysis made, and the file of its transformed examples."""

    columns: Columns
    examples: list[bytes]
    output: tft.TFTransformOutput
    transformed: Path

    def apply(self, examples: Iterable[bytes]) -> Arrays:
        """Returns the transformed features of serialised raw examples, each of shape [rows]."""
        raw = tf.io.parse_example(list(examples), self.output.raw_feature_spec())
        return {name: tensor.numpy() for name, tensor in self.output.transform_features_layer()(raw).items()}

    def apply_columns(self, columns: Columns) -> Arrays:
        """Returns the transformed features of a table."""
        return self.apply(to_examples(columns))


def analyze(columns: Columns, schema: schema_pb2.Schema, config: Mapping[str, Any], folder: Path) -> None:
    """Runs AnalyzeAndTransformDataset over a table, in this process; `load_graph` reads what it writes."""
    source = TFExampleBeamRecord(physical_format="memory", telemetry_descriptors=["tests"], schema=schema)
    with beam.Pipeline(options=IN_MEMORY) as pipeline, tft_beam.Context(str(folder / "temporary")):
        raw = pipeline | beam.Create(to_examples(columns)) | source.BeamSource(), source.TensorAdapterConfig()
        (transformed, _), graph = raw | tft_beam.AnalyzeAndTransformDataset(
            partial(preprocessing_fn, custom_config=config), output_record_batches=True
        )
        _ = graph | tft_beam.WriteTransformFn(str(folder))
        encoded = transformed | beam.FlatMap(lambda batch: RecordBatchToExamplesEncoder().encode(batch[0]))
        _ = encoded | beam.io.WriteToTFRecord(str(folder / "rows"), file_name_suffix=".gz", num_shards=1)
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(schema), str(folder / "metadata"))


def load_graph(folder: Path, columns: Columns | None = None) -> Graph:
    """Returns the graph of a table, the fleet's unless another is given."""
    table = fleet.columns() if columns is None else columns
    return Graph(table, to_examples(table), tft.TFTransformOutput(str(folder)), next(folder.glob("rows*.gz")))


def present(values: Iterable[float | None]) -> npt.NDArray[np.float64]:
    """Returns the values that are not missing."""
    return np.array([value for value in values if value is not None])
