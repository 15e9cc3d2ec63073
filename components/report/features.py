"""The statistics of each column by split, as a report shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATISTICS = "FeatureStats.pb"  # of TFX's StatisticsGen, in a folder Split-<name>
TOP_VALUES = 10
TEXT = ("BYTES", "STRING")


@dataclass(frozen=True)
class Numbers:
    """Of a column of numbers; `histogram` holds low, high and rows of each range."""

    mean: float
    deviation: float
    least: float
    median: float
    most: float
    histogram: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Texts:
    """Of a column of texts: how many different ones, and the most frequent ones with their share of the rows."""

    unique: int
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Column:
    """A column in one split: its type, and the share of its rows that have no value."""

    type: str
    missing: float
    values: Numbers | Texts | None


@dataclass(frozen=True)
class Feature:
    """A column in each split that has it."""

    name: str
    splits: Mapping[str, Column]


def features_of(statistics: str) -> list[Feature]:
    """Returns the columns in a StatisticsGen's output folder, by name."""
    splits = {split: _columns(Path(statistics, f"Split-{split}", STATISTICS)) for split in _splits(statistics)}
    names = sorted({name for columns in splits.values() for name in columns}, key=str.lower)
    return [
        Feature(name, {split: columns[name] for split, columns in splits.items() if name in columns}) for name in names
    ]


def _splits(statistics: str) -> list[str]:
    """The splits: train first, then the others by name."""
    found = [path.parent.name.removeprefix("Split-") for path in Path(statistics).glob(f"Split-*/{STATISTICS}")]
    return sorted(found, key=lambda split: (split != "train", split))


def _columns(path: Path) -> dict[str, Column]:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    datasets = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets
    return {
        feature.path.step[0] if feature.path.step else feature.name: _column(feature, dataset.num_examples)
        for dataset in datasets
        for feature in dataset.features
    }


def _column(feature: Any, rows: int) -> Column:
    kind = feature.WhichOneof("stats")
    stats = getattr(feature, kind) if kind else None
    present = stats.common_stats.num_non_missing if stats else 0
    values = _numbers(stats) if kind == "num_stats" else _texts(stats) if kind == "string_stats" else None
    name = feature.Type.Name(feature.type)
    return Column("TEXT" if name in TEXT else name, 1 - present / rows if rows else 0.0, values if present else None)


def _numbers(stats: Any) -> Numbers:
    buckets = next((one.buckets for one in stats.histograms if one.type == one.STANDARD), ())
    histogram = tuple((one.low_value, one.high_value, one.sample_count) for one in buckets)
    return Numbers(stats.mean, stats.std_dev, stats.min, stats.median, stats.max, histogram)


def _texts(stats: Any) -> Texts:
    rows = stats.common_stats.num_non_missing or 1
    return Texts(stats.unique, tuple((one.value, one.frequency / rows) for one in list(stats.top_values)[:TOP_VALUES]))
