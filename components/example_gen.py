"""ExampleGen: rows to splits of tf.Examples, each row's split decided by a hash of its values, and no row lost.

Rows that cannot be used go to a quarantine with their place and the reason. Rows read equal rows in splits and rows in
quarantine: what is read and what is written are counted apart, and a difference stops the run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components import quarantine
from components.columns import assign_splits
from components.options_packing import pack, unpack
from components.pieces import Piece, Pieces, at_hand, resolve, with_types
from components.readers import READERS
from components.records.shard import ASIDE, Shard
from components.row_counts import ROWS_PROPERTY, RowCounts
from components.rows import Rows
from components.source_driver import SourceDriver
from components.source_options import SourceOptions
from components.tasks import Task, tasks_of
from schema.errors import DataAnomaly, StepFailed

QUARANTINE_PROPERTY = "quarantine"  # the path of the file of quarantined rows; absent where there are none
QUARANTINED_PROPERTY = "quarantined"  # how many there are
SPANS_PROPERTY = "spans"  # rows read by span, as JSON
TEST = "test"
REFUSED, COUNTS = "refused", "counts"  # outputs of `WriteSplits`


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


class WriteSplits(beam.DoFn):
    """Reads a task's pieces of the source, and writes a shard of each split; yields the rows in quarantine, and counts.

    Args:
      options: of the source.
      folders: the folder of each split.
      aside: a folder for what is not yet whole.
      shards: how many tasks there are.
    """

    def __init__(self, options: SourceOptions, folders: Mapping[str, str], aside: str, shards: int) -> None:
        self._options, self._folders, self._aside, self._shards = options, folders, aside, shards

    def process(self, task: Task) -> Iterator[Any]:
        """Yields lines of the quarantine, for a piece that cannot be read too; tagged, the counts."""
        counts = RowCounts()
        with ExitStack() as stack:
            shards = {split: stack.enter_context(self._shard(split, task.index)) for split in self._folders}
            for piece in task.pieces:
                for line in self._lines(piece, shards, counts):
                    counts.quarantined += 1
                    yield line
        yield beam.pvalue.TaggedOutput(COUNTS, counts)

    def _shard(self, split: str, index: int) -> Shard:
        name = f"data_tfrecord-{index:05d}-of-{self._shards:05d}.gz"
        return Shard(f"{self._folders[split]}/{name}", self._aside, self._options.gzip_level)

    def _lines(self, piece: Piece, shards: Mapping[str, Shard], counts: RowCounts) -> Iterator[str]:
        with at_hand(piece, self._options) as path:
            try:
                for rows in READERS[self._options.source].rows(path, self._options, piece.part):
                    self._write(piece, rows, shards, counts)
                    yield from (quarantine.line(piece.name, row) for row in rows.bad)
            except DataAnomaly as error:
                yield quarantine.unreadable(piece.name, str(error).replace(path, piece.name))

    def _write(self, piece: Piece, rows: Rows, shards: Mapping[str, Shard], counts: RowCounts) -> None:
        counts.read += rows.read
        if piece.span is not None:
            counts.spans[piece.span] += rows.read
        splits = (
            np.full(len(rows.examples), TEST) if piece.is_test else assign_splits(rows.hashes, self._options.splits)
        )
        for split, shard in shards.items():
            records = rows.examples.filter(pa.array(splits == split))
            shard.write(records)
            counts.written[split] += len(records)


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
        names = split_names(options)
        examples.split_names = artifact_utils.encode_split_names(names)
        folders = {split: artifact_utils.get_split_uri([examples], split) for split in names}
        refused = quarantine.Quarantine(Path(options.quarantine, _folder_name(examples.uri), "rows.jsonl"))
        counts = self._write(source, options, folders, examples.uri, refused)
        refused.check_readable()
        _check(options, source, refused, counts)
        _describe(examples, source, refused, counts)

    def _write(
        self,
        source: Pieces,
        options: SourceOptions,
        folders: Mapping[str, str],
        uri: str,
        refused: quarantine.Quarantine,
    ) -> RowCounts:
        tasks = tasks_of(source, options)
        typed = with_types(options, source.pieces)
        aside, counts = f"{uri}/{ASIDE}", f"{uri}/rows.json"
        lines = f"{aside}/quarantine.jsonl"  # workers reach the artifact, and perhaps nothing else
        for folder in (*folders.values(), aside):
            fileio.makedirs(folder)
        with self._make_beam_pipeline() as pipeline:
            done = (
                pipeline
                | "Tasks" >> beam.Create(tasks, reshuffle=True)
                | "Write"
                >> beam.ParDo(WriteSplits(typed, folders, aside, len(tasks))).with_outputs(COUNTS, main=REFUSED)
            )
            (
                done[COUNTS]
                | "Sum" >> beam.CombineGlobally(RowCounts.total)
                | "As JSON" >> beam.Map(RowCounts.as_json)
                | "Write counts" >> beam.io.WriteToText(counts, shard_name_template="")
            )
            done[REFUSED] | "Write quarantine" >> beam.io.WriteToText(lines, shard_name_template="", skip_if_empty=True)
        if fileio.exists(lines):
            fileio.makedirs(str(refused.path.parent))
            fileio.copy(lines, str(refused.path), overwrite=True)
        fileio.rmtree(aside)
        with fileio.open(counts) as said:
            return RowCounts.from_json(said.read())


def _folder_name(uri: str) -> str:
    """The number of the artifact; in a container, where all are called alike, a hash of the whole URI."""
    name = Path(uri).name
    return name if name.isdecimal() else hashlib.sha256(uri.encode()).hexdigest()[:12]


def _check(options: SourceOptions, source: Pieces, refused: quarantine.Quarantine, counts: RowCounts) -> None:
    where = options.query if options.source == "sql" else options.path
    if not counts.read:
        raise DataAnomaly(f"{where}: has no rows. There is nothing to train on; check that the export was complete.")
    if not counts.are_whole:
        raise StepFailed(
            f"{where}: {counts.read} rows were read, and {dict(counts.written)} and {counts.quarantined} in quarantine "
            "written."
        )
    for span in source.spans:
        if not counts.spans[span]:
            raise DataAnomaly(f"{where}: span {span} has no rows. Check that its export was complete.")
    refused.check(counts.quarantined, counts.read, options.max_quarantined)
    empty = [split for split in split_names(options) if not counts.written[split]]
    if empty:
        raise DataAnomaly(
            f"{where}: {counts.written.total()} rows are too few: the {' and '.join(empty)} split got none. "
            "Give more rows, or change data.splits or data.split_seed."
        )


def _describe(examples: Any, source: Pieces, refused: quarantine.Quarantine, counts: RowCounts) -> None:
    names = artifact_utils.decode_split_names(examples.split_names)
    examples.set_string_custom_property(ROWS_PROPERTY, json.dumps({split: counts.written[split] for split in names}))
    examples.set_int_custom_property(QUARANTINED_PROPERTY, counts.quarantined)
    if counts.quarantined:
        examples.set_string_custom_property(QUARANTINE_PROPERTY, str(refused.path))
    if source.spans:
        by_span = {str(span): counts.spans[span] for span in source.spans}
        examples.set_string_custom_property(SPANS_PROPERTY, json.dumps(by_span))
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
