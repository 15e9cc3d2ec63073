"""StatisticsGen: TFX's component and TFDV's statistics, in one pass over each file.

TFDV's own Beam graph takes some 270 transforms a split, which cost a small table seconds and a large one a shuffle of
all its texts. What it computes is here computed by the same combiners, file by file, and merged once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tensorflow_data_validation.statistics import stats_options
from tensorflow_data_validation.statistics.generators import basic_stats_generator, stats_generator
from tensorflow_data_validation.types import FeaturePath
from tensorflow_data_validation.utils.top_k_uniques_stats_util import (
    FeatureValueCount,
    make_feature_stats_proto_topk_uniques,
)
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen import component
from tfx.components.statistics_gen.executor import DEFAULT_FILE_NAME
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import EXAMPLES_KEY, STATISTICS_KEY
from tfx_bsl.arrow import array_util
from tfx_bsl.statistics import merge_util

from components.records.reading import DecodeFiles, files_of
from components.row_counts import check_rows

ROWS = 16384  # of a batch: quick, and little to hold
Partial = list[Any]  # the accumulator of each generator


@cache
def options() -> stats_options.StatsOptions:
    """Returns TFDV's defaults."""
    return stats_options.StatsOptions()


class TopValues(stats_generator.CombinerStatsGenerator):
    """The frequent values of each feature of texts, and how many different ones it has, all of them counted."""

    def __init__(self) -> None:
        super().__init__("TopValues")

    def create_accumulator(self) -> dict[str, Counter[bytes]]:
        """Returns the counts of no rows."""
        return {}

    def add_input(self, accumulator: dict[str, Counter[bytes]], input_record_batch: pa.RecordBatch) -> Any:
        """Counts the values of a batch."""
        for name, column in zip(input_record_batch.schema.names, input_record_batch.columns, strict=True):
            values, _ = array_util.flatten_nested(column)
            if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
                found = values.value_counts()
                counts = zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)
                accumulator.setdefault(name, Counter()).update(dict(counts))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[dict[str, Counter[bytes]]]) -> Any:
        """Adds counts up."""
        merged: dict[str, Counter[bytes]] = {}
        for one in accumulators:
            for name, counts in one.items():
                merged.setdefault(name, Counter()).update(counts)
        return merged

    def extract_output(self, accumulator: dict[str, Counter[bytes]]) -> statistics_pb2.DatasetFeatureStatistics:
        """Returns the statistics."""
        kept = max(options().num_top_values, options().num_rank_histogram_buckets)
        found = statistics_pb2.DatasetFeatureStatistics()
        for name, counts in accumulator.items():
            if counts:
                largest = sorted(((count, value) for value, count in counts.items()), reverse=True)[:kept]
                made = make_feature_stats_proto_topk_uniques(
                    FeaturePath([name]),
                    options().num_top_values,
                    options().num_rank_histogram_buckets,
                    len(counts),
                    [FeatureValueCount(value, count) for count, value in largest],
                    frequency_threshold=options().frequency_threshold,
                )
                found.features.append(made)
        return found


def generators() -> tuple[stats_generator.CombinerStatsGenerator, ...]:
    """Returns what computes TFDV's default statistics."""
    basic = basic_stats_generator.BasicStatsGenerator(
        num_values_histogram_buckets=options().num_values_histogram_buckets,
        num_histogram_buckets=options().num_histogram_buckets,
        num_quantiles_histogram_buckets=options().num_quantiles_histogram_buckets,
        epsilon=options().epsilon,
    )
    return basic, TopValues()


class DescribeFile(beam.DoFn):
    """Reads a file of a split; yields the split's name and the accumulators of its rows."""

    def __init__(self) -> None:
        self._read = DecodeFiles(rows=ROWS)

    def setup(self) -> None:
        """Makes what cannot be pickled."""
        self._read.setup()

    def process(self, task: tuple[str, str]) -> Iterator[tuple[str, Partial]]:
        """Yields one pair."""
        split, file = task
        makers = generators()
        partial = [one.create_accumulator() for one in makers]
        for batch in self._read.process(file):
            partial = [one.add_input(held, batch) for one, held in zip(makers, partial, strict=True)]
        yield split, [one.compact(held) for one, held in zip(makers, partial, strict=True)]


def merged(partials: Iterable[Partial]) -> Partial:
    """Returns the accumulators of all rows."""
    held = list(partials)
    if len(held) == 1:
        return held[0]
    return [one.merge_accumulators([partial[at] for partial in held]) for at, one in enumerate(generators())]


def statistics_of(partial: Partial) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns the statistics of the rows."""
    outputs = [one.extract_output(one.compact(held)) for one, held in zip(generators(), partial, strict=True)]
    found: statistics_pb2.DatasetFeatureStatisticsList = merge_util.merge_dataset_feature_statistics(outputs)
    return found


class Executor(BaseBeamExecutor):
    """Writes the statistics of each split."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Writes one DatasetFeatureStatisticsList for each split."""
        del exec_properties  # the component's defaults are all that the pipeline asks for
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        statistics = artifact_utils.get_single_instance(output_dict[STATISTICS_KEY])
        statistics.split_names = examples.split_names
        statistics.span = examples.span
        splits = artifact_utils.decode_split_names(examples.split_names)
        files = [(split, file) for split in splits for file in files_of([examples], split)]
        places = {
            split: str(PurePosixPath(artifact_utils.get_split_uri([statistics], split), DEFAULT_FILE_NAME))
            for split in splits
        }
        with self._make_beam_pipeline() as pipeline:
            (
                pipeline
                | "Files" >> beam.Create(files)
                | "Describe" >> beam.ParDo(DescribeFile())
                | "Merge" >> beam.CombinePerKey(merged)
                | "Write" >> beam.MapTuple(lambda split, partial: _write(places[split], partial))
            )
        for split, place in places.items():
            check_rows("StatisticsGen", [examples], [split], _rows_in(place))


def _write(place: str, partial: Partial) -> None:
    fileio.makedirs(str(PurePosixPath(place).parent))
    with fileio.open(place, "wb") as file:
        file.write(statistics_of(partial).SerializeToString())


def _rows_in(place: str) -> int:
    """How many rows a file of statistics describes; none where there is no file."""
    if not fileio.exists(place):
        return 0
    with fileio.open(place, "rb") as file:
        found = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())
    return sum(int(dataset.num_examples) for dataset in found.datasets)


class StatisticsGen(component.StatisticsGen):
    """The step that describes each split."""

    EXECUTOR_SPEC = BeamExecutorSpec(Executor)
