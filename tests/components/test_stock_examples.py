"""Our ExampleGen beside TFX's CsvExampleGen, on the taxi trips: the same examples, as a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.components import CsvExampleGen
from tfx.types.standard_artifacts import Examples

from components.example_gen import Executor
from components.files import local_path
from pipeline.loading import load
from pipeline.schemas import column_types
from pipeline.sources import example_gen
from tests.components.tables import read_records
from tests.e2e.datasets import TRIPS
from tests.unit.samples import TAXI

EVERY = 5  # of the 15,002 trips
Feature = tuple[str, str, tuple[Any, ...]]


def values_of(record: bytes) -> tuple[Feature, ...]:
    """Returns the features that have a value: each one's name, kind of list, and values to the last bit."""
    features = tf.train.Example.FromString(record).features.feature
    kinds = {name: features[name].WhichOneof("kind") for name in sorted(features)}
    lists = [(name, kind, tuple(getattr(features[name], kind).value)) for name, kind in kinds.items() if kind]
    return tuple(one for one in lists if one[2])


def written(folder: Path, splits: Iterable[str]) -> Counter[tuple[Feature, ...]]:
    """Returns how often each example is in the files of some splits."""
    return Counter(values_of(record) for split in splits for record in read_records(folder / f"Split-{split}" / "*"))


def examples_of(executor: Any, properties: Mapping[str, Any], folder: Path) -> Path:
    """Returns the folder into which an executor has written examples."""
    artifact = Examples()
    artifact.uri = str(folder)
    options = PipelineOptions(["--direct_running_mode=in_memory"])
    context = executor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(options=options))
    executor(context).Do({}, {"examples": [artifact]}, dict(properties))
    return folder


def test_examples_are_the_stock_ones(tmp_path: Path) -> None:
    """Our splits together hold what the stock ExampleGen makes of the same file, each example as often."""
    head, *rows = Path(local_path(TRIPS)).read_text(encoding="utf-8").splitlines(keepends=True)
    trips = tmp_path / "data" / "trips.csv"
    trips.parent.mkdir()
    trips.write_text("".join([head, *rows[::EVERY]]), encoding="utf-8")
    config, peer = load([TAXI], [f"data.path={trips}"]), CsvExampleGen(input_base=str(trips.parent))
    component = example_gen(config, column_types(config), str(tmp_path))
    ours = examples_of(Executor, component.exec_properties, tmp_path / "ours")
    stock = examples_of(peer.executor_spec.executor_class, peer.exec_properties, tmp_path / "stock")
    found = written(ours, config.data.splits)
    assert found == written(stock, ("train", "eval"))
    assert found.total() == len(rows[::EVERY])
