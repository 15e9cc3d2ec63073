"""ExampleGen: files to splits of tf.Examples, in columns, each row's split decided by a hash of its values."""

from __future__ import annotations

import glob
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.metrics.metric import MetricsFilter
from google.protobuf import json_format, struct_pb2
from tfx.components.example_gen import utils as example_gen_utils
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components.columns import assign_splits
from components.readers import READERS
from schema.errors import DataAnomaly

ROWS_PROPERTY = "rows"
_NAMESPACE = "penstock.example_gen"


def pack_options(source: str, types: Mapping[str, str], seed: int) -> example_gen_pb2.CustomConfig:
    """Returns what the executor needs beyond the stock ExampleGen's inputs, as its custom_config."""
    options = struct_pb2.Struct()
    options.update({"source": source, "types": dict(types), "seed": seed})
    packed = example_gen_pb2.CustomConfig()
    packed.custom_config.Pack(options)
    return packed


class SplitRows(beam.DoFn):
    """Reads one file and sends each of its serialised tf.Examples to the output of its split."""

    def __init__(self, options: dict[str, Any], splits: dict[str, int]) -> None:
        self._options, self._splits = options, splits

    def process(self, file: str) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the file's rows."""
        read = READERS[self._options["source"]]
        seed = int(self._options["seed"])
        for rows in read(file, self._options["types"], seed):
            splits = assign_splits(rows.hashes, self._splits)
            for split, count in Counter(splits.tolist()).items():
                Metrics.counter(_NAMESPACE, split).inc(count)
            for split, example in zip(splits, rows.examples, strict=True):
                yield beam.pvalue.TaggedOutput(str(split), example)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads the files that the driver found and writes one folder of gzipped TFRecords for each split."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Writes the splits, and their numbers of rows as the artifact's property `rows`.

        Raises:
          DataAnomaly: a file cannot be read, or there is no row, or a split got none.
        """
        del input_dict  # an ExampleGen has none
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        options, files, splits = _unpack(exec_properties)
        _check_readable(files, options)
        examples.split_names = artifact_utils.encode_split_names(list(splits))
        with self._make_beam_pipeline() as pipeline:
            rows = (
                pipeline
                | "Files" >> beam.Create(files, reshuffle=True)
                | "Split" >> beam.ParDo(SplitRows(options, splits)).with_outputs(*splits)
            )
            for split in splits:
                prefix = f"{artifact_utils.get_split_uri([examples], split)}/data_tfrecord"
                rows[split] | f"Write {split}" >> beam.io.WriteToTFRecord(prefix, file_name_suffix=".gz")
        counts = _counts(pipeline.result, splits)
        _check_counts(files, counts)
        examples.set_string_custom_property(ROWS_PROPERTY, json.dumps(counts))
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")


def _unpack(exec_properties: dict[str, Any]) -> tuple[dict[str, Any], list[str], dict[str, int]]:
    packed = json_format.Parse(exec_properties["custom_config"], example_gen_pb2.CustomConfig())
    options = struct_pb2.Struct()
    packed.custom_config.Unpack(options)
    inputs = json_format.Parse(exec_properties["input_config"], example_gen_pb2.Input())
    pattern = str(Path(exec_properties["input_base"]) / inputs.splits[0].pattern)
    outputs = json_format.Parse(exec_properties["output_config"], example_gen_pb2.Output())
    splits = {split.name: split.hash_buckets for split in outputs.split_config.splits}
    assert list(splits) == example_gen_utils.generate_output_split_names(inputs, outputs)
    return json_format.MessageToDict(options), sorted(glob.glob(pattern)), splits


def _check_readable(files: list[str], options: dict[str, Any]) -> None:
    """Reads everything once, here, so that an error is one clear exception and not a worker's traceback."""
    for file in files:
        read = READERS[options["source"]]
        rows = sum(len(rows.examples) for rows in read(file, options["types"], 0))
        if not rows:
            raise DataAnomaly(f"{file}: has no rows. There is nothing to train on; check that the export was complete.")


def _counts(result: Any, splits: Mapping[str, int]) -> dict[str, int]:
    counters = result.metrics().query(MetricsFilter().with_namespace(_NAMESPACE))["counters"]
    found = {counter.key.metric.name: counter.result for counter in counters}
    return {split: int(found.get(split, 0)) for split in splits}


def _check_counts(files: list[str], counts: dict[str, int]) -> None:
    empty = [split for split, rows in counts.items() if not rows]
    if empty:
        raise DataAnomaly(
            f"{', '.join(files)}: {sum(counts.values())} rows are too few: the {' and '.join(empty)} split got none. "
            "Give more rows, or change data.splits or data.split_seed."
        )
