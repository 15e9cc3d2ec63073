"""ExampleGen: rows to splits of tf.Examples, each row's split decided by a hash of its values, and no row lost.

Rows that cannot be used go to a quarantine with their place and the reason. Rows read equal rows in splits and rows in
quarantine: what is read and what is written are counted apart, and a difference stops the run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.metrics.metric import MetricsFilter
from tfx.components import FileBasedExampleGen
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components import quarantine
from components.columns import assign_splits
from components.options_packing import pack, unpack
from components.pieces import Piece, Pieces, at_hand, resolve, with_types
from components.readers import READERS
from components.rows import Rows
from components.source_driver import SourceDriver
from components.source_options import SourceOptions
from schema.errors import DataAnomaly, StepFailed

ROWS_PROPERTY = "rows"  # rows by split, as JSON
QUARANTINE_PROPERTY = "quarantine"  # the path of the file of quarantined rows; absent where there are none
QUARANTINED_PROPERTY = "quarantined"  # how many there are
SPANS_PROPERTY = "spans"  # rows read by span, as JSON
TEST = "test"
READ, QUARANTINED = "read", "quarantined"
_NAMESPACE = "penstock.example_gen"
Counts = dict[str, int]


class ExampleGen(FileBasedExampleGen):
    """The ExampleGen of every source that is read row by row."""

    DRIVER_CLASS = SourceDriver
    EXECUTOR_SPEC = BeamExecutorSpec(base_beam_executor.BaseBeamExecutor)

    def __init__(self, options: SourceOptions) -> None:
        """Makes the component of a source."""
        buckets = [example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=1) for name in split_names(options)]
        super().__init__(
            input_base=options.path or options.source,
            input_config=example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="rows", pattern="*")]),
            output_config=example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=buckets)),
            custom_config=pack(options),
            custom_executor_spec=BeamExecutorSpec(Executor),
        )


def split_names(options: SourceOptions) -> list[str]:
    """Returns the names of the splits that a source is divided into."""
    return list(dict.fromkeys((*options.splits, TEST)) if options.test_spans else options.splits)


class SplitRows(beam.DoFn):
    """Reads a piece of the source and sends each of its serialised tf.Examples to the output of its split."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options

    def process(self, piece: Piece) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the rows; those that cannot be used, or that the piece cannot be read, to the quarantine."""
        with at_hand(piece, self._options) as path:
            try:
                for rows in READERS[self._options.source].rows(path, self._options):
                    yield from self._tagged(piece, rows)
            except DataAnomaly as error:
                said = str(error).replace(path, piece.name)
                yield beam.pvalue.TaggedOutput(QUARANTINED, quarantine.unreadable(piece.name, said))

    def _tagged(self, piece: Piece, rows: Rows) -> Iterator[beam.pvalue.TaggedOutput]:
        Metrics.counter(_NAMESPACE, READ).inc(rows.read)
        if piece.span is not None:
            Metrics.counter(_NAMESPACE, _span_counter(piece.span)).inc(rows.read)
        splits = [TEST] * len(rows.examples) if piece.is_test else assign_splits(rows.hashes, self._options.splits)
        for split, example in zip(splits, rows.examples, strict=True):
            yield beam.pvalue.TaggedOutput(str(split), example)
        for row in rows.bad:
            yield beam.pvalue.TaggedOutput(QUARANTINED, quarantine.line(piece.name, row))


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes one folder of gzipped TFRecords for each split."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Writes the splits; their numbers of rows, those in quarantine and the spans become the artifact's properties.

        Raises:
          DataAnomaly: a file cannot be read, too many rows cannot be used, there is no row, or a split got none.
        """
        del input_dict  # an ExampleGen has none
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        options = unpack(exec_properties)
        source = resolve(options)
        typed = with_types(options, source.pieces)
        names = split_names(options)
        examples.split_names = artifact_utils.encode_split_names(names)
        refused = quarantine.Quarantine(Path(options.quarantine, _folder_name(examples.uri), "rows.jsonl"))
        with self._make_beam_pipeline() as pipeline:
            rows = (
                pipeline
                | "Pieces" >> beam.Create(source.pieces, reshuffle=True)
                | "Split" >> beam.ParDo(SplitRows(typed)).with_outputs(*names, QUARANTINED)
            )
            for split in names:
                prefix = f"{artifact_utils.get_split_uri([examples], split)}/data_tfrecord"
                counted = rows[split] | f"Count {split}" >> beam.Map(_count, split)
                counted | f"Write {split}" >> beam.io.WriteToTFRecord(prefix, file_name_suffix=".gz")
            (
                rows[QUARANTINED]
                | "Count quarantined" >> beam.Map(_count, QUARANTINED)
                | "Write quarantined"
                >> beam.io.WriteToText(str(refused.path), shard_name_template="", skip_if_empty=True)
            )
        refused.check_readable()
        counts = _counts(pipeline.result)
        _check(options, source, refused, counts)
        _describe(examples, source, refused, counts)


def _folder_name(uri: str) -> str:
    """The number of the artifact; in a container, where all are called alike, a hash of the whole URI."""
    name = Path(uri).name
    return name if name.isdecimal() else hashlib.sha256(uri.encode()).hexdigest()[:12]


def _count(row: Any, what: str) -> Any:
    Metrics.counter(_NAMESPACE, what).inc()
    return row


def _counts(result: Any) -> Counts:
    counters = result.metrics().query(MetricsFilter().with_namespace(_NAMESPACE))["counters"]
    return {counter.key.metric.name: int(counter.result) for counter in counters}


def _span_counter(span: int) -> str:
    return f"span {span}"


def _written(options: SourceOptions, counts: Counts) -> Counts:
    return {split: counts.get(split, 0) for split in split_names(options)}


def _check(options: SourceOptions, source: Pieces, refused: quarantine.Quarantine, counts: Counts) -> None:
    where = options.query if options.source == "sql" else options.path
    read, left_out, written = counts.get(READ, 0), counts.get(QUARANTINED, 0), _written(options, counts)
    if not read:
        raise DataAnomaly(f"{where}: has no rows. There is nothing to train on; check that the export was complete.")
    if read != sum(written.values()) + left_out:
        raise StepFailed(f"{where}: {read} rows were read, and {written} and {left_out} in quarantine written.")
    for span in source.spans:
        if not counts.get(_span_counter(span)):
            raise DataAnomaly(f"{where}: span {span} has no rows. Check that its export was complete.")
    refused.check(left_out, read, options.max_quarantined)
    empty = [split for split, rows in written.items() if not rows]
    if empty:
        raise DataAnomaly(
            f"{where}: {sum(written.values())} rows are too few: the {' and '.join(empty)} split got none. "
            "Give more rows, or change data.splits or data.split_seed."
        )


def _describe(examples: Any, source: Pieces, refused: quarantine.Quarantine, counts: Counts) -> None:
    names = artifact_utils.decode_split_names(examples.split_names)
    examples.set_string_custom_property(ROWS_PROPERTY, json.dumps({split: counts[split] for split in names}))
    examples.set_int_custom_property(QUARANTINED_PROPERTY, counts.get(QUARANTINED, 0))
    if counts.get(QUARANTINED):
        examples.set_string_custom_property(QUARANTINE_PROPERTY, str(refused.path))
    if source.spans:
        by_span = {str(span): counts[_span_counter(span)] for span in source.spans}
        examples.set_string_custom_property(SPANS_PROPERTY, json.dumps(by_span))
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
