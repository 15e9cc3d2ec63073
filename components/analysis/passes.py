"""A pass over the data: all analyzers of a phase in one Beam ParDo and one CombinePerKey."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import apache_beam as beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.analyzer_nodes import Combiner
from tfx.dsl.io import fileio
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter, TensorAdapterConfig

from components.analysis.dag import Analyzer
from components.analysis.frozen import Frozen
from components.analysis.tokens import LARGE, TokenCounts, shards
from components.records.reading import DecodeFiles

ALL = "all"  # the key of what is small
ROWS = "rows"  # the label of the number of rows, which each pass counts with the rest
Analyzers = Mapping[str, Analyzer]
Partial = dict[str, Any]  # accumulators by the analyzers' labels
CODER = beam.coders.FastPrimitivesCoder()  # Beam's, for elements


class RowCount(Combiner):
    """How many rows there are."""

    def create_accumulator(self) -> int:
        """Returns the count of no rows."""
        return 0

    def add_input(self, accumulator: int, batch_values: Iterable[int]) -> int:
        """Adds a batch's."""
        return accumulator + sum(batch_values)

    def merge_accumulators(self, accumulators: Iterable[int]) -> int:
        """Adds counts up."""
        return sum(accumulators)


def row_count() -> dict[str, Analyzer]:
    """Returns the analyzer that counts rows, by its label."""
    return {ROWS: Analyzer(RowCount(), (ROWS,))}


class AnalyzeFile(beam.DoFn):
    """Reads a file of tf.Examples; yields the analyzers' accumulators of its rows, under keys by which they merge.

    Args:
      analyzers: by label.
      graph: what gives the tensors that they take.
      schema: of the columns that the graph takes.
      adapter: how columns become tensors.
    """

    def __init__(
        self, analyzers: Analyzers, graph: Frozen, schema: schema_pb2.Schema, adapter: TensorAdapterConfig
    ) -> None:
        self._analyzers, self._graph, self._adapter = analyzers, graph, adapter
        self._read = DecodeFiles(schema.SerializeToString())

    def setup(self) -> None:
        """Makes what cannot be pickled."""
        self._read.setup()
        self._tensors = TensorAdapter(self._adapter).ToBatchTensors
        self._apply = self._graph.load()

    def process(self, file: str) -> Iterator[tuple[str, Partial]]:
        """Yields the accumulators of a file."""
        held = {label: one.combiner.create_accumulator() for label, one in self._analyzers.items()}
        for batch in self._read.process(file):
            found = {ROWS: batch.num_rows, **self._apply(self._tensors(batch))}
            for label, one in self._analyzers.items():
                held[label] = one.combiner.add_input(held[label], [found[name] for name in one.tensors])
        compact = {label: one.combiner.compact(held[label]) for label, one in self._analyzers.items()}
        yield from keyed(self._analyzers, compact)


def keyed(analyzers: Analyzers, held: Partial, large: int = LARGE) -> Iterator[tuple[str, Partial]]:
    """Yields compact accumulators in one piece, and vocabularies of more than `large` tokens in parts."""
    is_large = {
        label
        for label, one in analyzers.items()
        if isinstance(one.combiner, TokenCounts) and sum(map(len, held[label])) > large
    }
    yield ALL, {label: accumulator for label, accumulator in held.items() if label not in is_large}
    for index, label in enumerate(analyzers):
        if label in is_large:
            for number, part in shards(held[label]):
                yield f"{index}-{number}", {label: part}


def merged(analyzers: Analyzers, partials: Iterable[Partial]) -> Partial:
    """Returns the accumulators of all rows."""
    held = list(partials)
    if len(held) == 1:
        return held[0]
    labels = dict.fromkeys(label for one in held for label in one)
    return {
        label: analyzers[label].combiner.merge_accumulators([one[label] for one in held if label in one])
        for label in labels
    }


def analyze_files(
    pipeline: beam.Pipeline, files: Sequence[str], work: AnalyzeFile, analyzers: Analyzers, folder: str
) -> None:
    """Has Beam write into a folder the accumulators of some files, which `accumulators` reads."""
    fileio.makedirs(folder)
    (
        pipeline
        | "Files" >> beam.Create(list(files))
        | "Analyze" >> beam.ParDo(work)
        | "Merge" >> beam.CombinePerKey(partial(merged, analyzers))
        | "Keep" >> beam.MapTuple(partial(_keep, folder))
    )


def accumulators(analyzers: Analyzers, folder: str) -> Partial:
    """Returns the accumulators that a pass has written."""
    parts = [CODER.decode(_content(file)) for file in sorted(fileio.glob(f"{folder}/*"))]
    empty = {label: one.combiner.create_accumulator() for label, one in analyzers.items()}
    return merged(analyzers, [empty, *parts])


def _keep(folder: str, key: str, held: Partial) -> None:
    with fileio.open(f"{folder}/{key}", "wb") as file:
        file.write(CODER.encode(held))


def _content(path: str) -> bytes:
    with fileio.open(path, "rb") as file:
        content: bytes = file.read()
    return content
