"""Our StatisticsGen beside TFX's, on the same examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.executor import Executor as StockExecutor
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import Examples, ExampleStatistics

from components.row_counts import ROWS_PROPERTY
from components.statistics_gen import Executor
from schema.errors import StepFailed
from tests.components.tables import to_examples, write_records

ROWS = 5000
COLUMNS: dict[str, list[Any]] = {
    "number": [row % 97 if row % 11 else None for row in range(ROWS)],
    "fare": [row / 7 if row % 5 else None for row in range(ROWS)],
    "city": [f"city {row % 13}" if row % 3 else None for row in range(ROWS)],
    "name": [f"Zürich {row}" for row in range(ROWS)],
    "constant": [1.5] * ROWS,
    "empty": [None] * ROWS,
}
FILES = 3


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Two splits, of several files and of one row."""
    folder, rows = tmp_path_factory.mktemp("examples"), to_examples(COLUMNS)
    for index in range(FILES):
        write_records(folder / "Split-train" / f"rows-{index}.gz", rows[index::FILES])
    write_records(folder / "Split-eval" / "rows.gz", rows[:1])
    artifact = Examples()
    artifact.uri, artifact.split_names, artifact.span = str(folder), encode_split_names(["train", "eval"]), 7
    artifact.set_string_custom_property(ROWS_PROPERTY, json.dumps({"train": ROWS, "eval": 1}))
    examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(artifact, "tfrecords_gzip")
    return artifact


def described(executor: Any, examples: Examples, folder: Path) -> ExampleStatistics:
    """Returns what an executor makes of the examples."""
    artifact = ExampleStatistics()
    artifact.uri = str(folder)
    options = PipelineOptions(["--direct_running_mode=in_memory"])
    context = executor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(options=options))
    executor(context).Do({"examples": [examples]}, {"statistics": [artifact]}, {})
    return artifact


def statistics(artifact: ExampleStatistics, split: str) -> dict[str, Any]:
    """Returns the statistics of a split, by feature."""
    content = Path(artifact.uri, f"Split-{split}", "FeatureStats.pb").read_bytes()
    (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets
    features = {feature.path.step[0]: json_format.MessageToDict(feature) for feature in dataset.features}
    return {"rows": dataset.num_examples, **features}


def numbers(found: Any) -> Any:
    """Returns a structure with its numbers rounded, so that the order of a sum does not matter."""
    if isinstance(found, dict):
        return {key: numbers(value) for key, value in found.items()}
    if isinstance(found, list):
        return [numbers(value) for value in found]
    return float(f"{found:.9g}") if isinstance(found, float) else found


def test_statistics_are_those_of_tfx(examples: Examples, tmp_path: Path) -> None:
    """All of them: counts, means, quantiles, histograms, frequent values; of texts no two of which agree, too."""
    ours, stock = (described(one, examples, tmp_path / one.__module__) for one in (Executor, StockExecutor))
    for split in ("train", "eval"):
        assert numbers(statistics(ours, split)) == numbers(statistics(stock, split))
    assert statistics(ours, "train")["name"]["stringStats"]["unique"] == str(ROWS)
    assert (ours.split_names, ours.span) == (stock.split_names, stock.span)


def test_a_row_that_is_not_described_fails_the_step(examples: Examples, tmp_path: Path) -> None:
    """Where ExampleGen wrote a row more than the statistics are of, the step fails, and names split and counts."""
    longer = Examples()
    longer.copy_from(examples)
    longer.set_string_custom_property(ROWS_PROPERTY, json.dumps({"train": ROWS, "eval": 2}))
    with pytest.raises(StepFailed, match="StatisticsGen: the eval split has 2 rows, as ExampleGen wrote it, and 1 are"):
        described(Executor, longer, tmp_path)
