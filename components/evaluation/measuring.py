"""From files of tf.Examples to TFMA's metrics of each slice, as a Beam transform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis import types
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.proto import config_pb2
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.evaluation.scoring import Scorer
from components.evaluation.slicing import SliceKey, columns_of, slices
from components.evaluation.summing import Metrics, Scored, Summer, summer_of
from components.raw_examples import raw_feature_spec
from components.records.reading import batches_of

Total = list[Any]  # the sum of each Summer


class Measures:
    """What an EvalConfig wants measured; it is made anew wherever it is unpickled.

    Args:
      config: TFMA's, with its defaults filled in.
    """

    def __init__(self, config: config_pb2.EvalConfig) -> None:
        self.config = config

    def __getstate__(self) -> bytes:
        return bytes(self.config.SerializeToString())

    def __setstate__(self, serialized: bytes) -> None:
        self.config = config_pb2.EvalConfig.FromString(serialized)

    @cached_property
    def summers(self) -> tuple[tuple[str, Summer], ...]:
        """What adds up, each with the name of the model whose predictions it wants."""
        sums = dict.fromkeys(one for one in self._computations if isinstance(one, metric_types.MetricComputation))
        return tuple((one.keys[0].model_name, summer_of(one.combiner, one.keys[0].model_name)) for one in sums)

    def merge(self, totals: Iterable[Total]) -> Total:
        """Returns the sums over all rows of a slice."""
        held = list(totals)
        return [summer.merge([total[at] for total in held]) for at, (_, summer) in enumerate(self.summers)]

    def metrics(self, total: Total) -> Metrics:
        """Returns the metrics of a slice: those that are wanted, and their differences from the baseline's."""
        found: Metrics = {}
        for (_, summer), sums in zip(self.summers, total, strict=True):
            found.update(summer.output(sums))
        derived = (one for one in self._computations if isinstance(one, metric_types.DerivedMetricComputation))
        for one in dict.fromkeys(derived):
            found.update(one.result(found))
        wanted = {key: value for key, value in found.items() if not _is_private(key)}
        return wanted | self._differences(wanted)

    @cached_property
    def _computations(self) -> list[Any]:
        return list(metric_specs.to_computations(list(self.config.metrics_specs), eval_config=self.config))

    def _differences(self, metrics: Metrics) -> Metrics:
        (baseline,) = [spec.name for spec in self.config.model_specs if spec.is_baseline] or [None]
        if baseline is None:
            return {}
        pairs = ((key, key.make_baseline_key(baseline)) for key in metrics if key.model_name != baseline)
        return {
            key.make_diff_key(): metrics[key] - metrics[other]
            for key, other in pairs
            if other in metrics and not key.is_diff and _is_number(metrics[key])
        }


class MeasureFile(beam.DoFn):
    """Reads files; yields, at the end of each bundle, the sums of each slice.

    Args:
      measures: what is measured.
      models: the path of each model's SavedModel, by its name in the EvalConfig.
      schema: of the raw examples, serialised.
    """

    def __init__(self, measures: Measures, models: Mapping[str, str], schema: bytes) -> None:
        self._measures, self._models, self._schema = measures, models, schema

    def setup(self) -> None:
        """Loads the models."""
        schema = schema_pb2.Schema.FromString(self._schema)
        specs, raw = {spec.name: spec for spec in self._measures.config.model_specs}, raw_feature_spec(schema)
        self._scorers = {name: Scorer(path, specs[name], raw) for name, path in self._models.items()}
        names = columns_of(self._measures.config.slicing_specs)
        sliced = schema_pb2.Schema(feature=[one for one in schema.feature if one.name in names])
        self._decoder = ExamplesToRecordBatchDecoder(sliced.SerializeToString())

    def start_bundle(self) -> None:
        """Begins with nothing."""
        self._totals: dict[SliceKey, Total] = {}

    def process(self, file: str) -> None:
        """Adds the rows of a file."""
        scored: dict[str, list[Scored]] = {name: [] for name in self._scorers}
        columns: list[pa.RecordBatch] = []
        for records in batches_of([file]):
            columns.append(self._decoder.DecodeBatch(records.tolist()))
            for name, scorer in self._scorers.items():
                scored[name].append(scorer.score(records))
        if columns:
            self._add({name: _joined(parts) for name, parts in scored.items()}, _one_batch(columns))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Yields pairs of a slice's key and its sums."""
        for pair in self._totals.items():
            yield WindowedValue(pair, GlobalWindow().max_timestamp(), [GlobalWindow()])

    def _add(self, scored: Mapping[str, Scored], columns: pa.RecordBatch) -> None:
        for key, rows in slices(list(self._measures.config.slicing_specs), columns):
            of_slice = {name: one.take(rows) for name, one in scored.items()}
            total = [summer.of(of_slice[name]) for name, summer in self._measures.summers]
            earlier = self._totals.get(key)
            self._totals[key] = self._measures.merge([earlier, total]) if earlier else total


def measured(files: Any, measures: Measures, models: Mapping[str, str], schema: schema_pb2.Schema) -> Any:
    """Returns the PCollection of each slice's key and metrics, of the PCollection of some files."""
    return (
        files
        | "Measure" >> beam.ParDo(MeasureFile(measures, models, schema.SerializeToString()))
        | "Sum" >> beam.CombinePerKey(measures.merge)
        | "Metrics" >> beam.MapTuple(lambda key, total: (key, measures.metrics(total)))
    )


def _joined(parts: Sequence[Scored]) -> Scored:
    return Scored(np.concatenate([one.labels for one in parts]), np.concatenate([one.predictions for one in parts]))


def _one_batch(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if not batches[0].num_columns:  # of which a table would not know how many rows it has
        rows = sum(one.num_rows for one in batches)
        return pa.RecordBatch.from_arrays([pa.nulls(rows)], [""])
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _is_private(key: metric_types.MetricKey) -> bool:
    """Whether a metric is there for others only, by TFMA's rule."""
    return key.name.startswith("_") and not key.name.startswith("__")


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return bool(np.issubdtype(value.dtype, np.number))
    return isinstance(value, (int, float, np.number, types.StructuredMetricValue))
