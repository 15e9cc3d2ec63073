"""Statistics folders as StatisticsGen writes them."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import statistics_pb2

TRAIN = """datasets { num_examples: 8
  features { path { step: "fare" } type: FLOAT num_stats { common_stats { num_non_missing: 6 num_missing: 2 }
    mean: 2.5 std_dev: 1.5 min: 1 median: 2 max: 9
    histograms { type: QUANTILES buckets { low_value: 1 high_value: 9 sample_count: 6 } }
    histograms { type: STANDARD buckets { low_value: 1 high_value: 5 sample_count: 5 }
                 buckets { low_value: 5 high_value: 9 sample_count: 1 } } } }
  features { path { step: "city" } type: STRING string_stats { common_stats { num_non_missing: 8 } unique: 2
    top_values { value: "Rome" frequency: 6 } top_values { value: "Paris" frequency: 2 } } }
  features { path { step: "empty" } type: INT num_stats { common_stats { num_missing: 8 } } } }"""
TEST = """datasets { num_examples: 2
  features { path { step: "fare" } type: FLOAT num_stats { common_stats { num_non_missing: 2 } mean: 3 max: 4 } } }"""


def write_statistics(folder: Path) -> Path:
    """Writes the statistics of a train and a test split, of which the second lacks two columns; returns the folder."""
    for split, text in (("train", TRAIN), ("test", TEST)):
        file = folder / f"Split-{split}" / "FeatureStats.pb"
        file.parent.mkdir(parents=True)
        statistics = text_format.Parse(text, statistics_pb2.DatasetFeatureStatisticsList())
        file.write_bytes(statistics.SerializeToString())
    return folder
