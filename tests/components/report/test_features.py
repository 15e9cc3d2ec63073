from __future__ import annotations

from pathlib import Path

from components.report.features import Column, Numbers, Texts, features_of
from tests.components.report.statistics import write_statistics


def test_each_column_is_told_by_split(tmp_path: Path) -> None:
    """Types, shares of missing values, moments and top values are TFDV's; a split has the columns that it has."""
    city, empty, fare = features_of(str(write_statistics(tmp_path)))
    histogram = ((1.0, 5.0, 5.0), (5.0, 9.0, 1.0))
    assert fare.splits == {
        "train": Column("FLOAT", 0.25, Numbers(2.5, 1.5, 1.0, 2.0, 9.0, histogram)),
        "test": Column("FLOAT", 0.0, Numbers(3.0, 0.0, 0.0, 0.0, 4.0)),
    }
    assert city.splits == {"train": Column("TEXT", 0.0, Texts(2, (("Rome", 0.75), ("Paris", 0.25))))}
    assert empty.splits == {"train": Column("INT", 1.0, None)}
    assert list(fare.splits) == ["train", "test"]


def test_a_folder_without_statistics_has_no_column(tmp_path: Path) -> None:
    """What was never written is nothing to show."""
    assert features_of(str(tmp_path)) == []
