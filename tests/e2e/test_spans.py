"""The taxi trips by year, as configs/taxi-by-year.yaml says: trained on three, tested on the fourth."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from tests.e2e import warm
from tests.e2e.conftest import REPOSITORY

pytestmark = pytest.mark.e2e
CONFIGS = [str(REPOSITORY / "configs" / name) for name in ("taxi.yaml", "taxi-by-year.yaml")]
YEARS = ("2013", "2014", "2015", "2016")


@dataclass(frozen=True)
class Years:
    """The trips of each year in a folder, and a workdir beside it."""

    path: Path

    @property
    def counts(self) -> dict[str, int]:
        """How many trips there are of each year."""
        return {year: self._count(self.path / "data" / year / "trips.csv") for year in YEARS}

    def penstock(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on the trips."""
        place = ["--set", f"data.path={self.path}/data/{{SPAN}}/trips.csv", "--workdir", str(self.path / "work")]
        return warm.penstock((verb, *map(str, CONFIGS), *place, *words), self.path)

    @staticmethod
    def _count(file: Path) -> int:
        with file.open(newline="") as rows:
            return sum(1 for _ in csv.reader(rows)) - 1


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Years:
    """The trips that TFX carries, as the script divides them."""
    folder = tmp_path_factory.mktemp("years")
    script = REPOSITORY / "scripts" / "taxi_by_year.py"
    done = subprocess.run(
        [sys.executable, str(script), str(folder / "data")], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Years(folder)


@pytest.fixture(scope="module")
def summary(years: Years) -> dict[str, Any]:
    """What a run over all years came to."""
    done = years.penstock("run", "--json")
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_every_trip_is_in_the_span_of_its_year(years: Years) -> None:
    """The script loses none of the 15,002 trips."""
    assert sum(years.counts.values()) == 15_002
    assert min(years.counts.values()) > 500


def test_the_model_is_trained_on_three_years_and_tested_on_the_fourth(years: Years, summary: dict[str, Any]) -> None:
    """The rows of 2016 are the test split, those of the years before the others, and the model is pushed."""
    rows, counts = summary["rows"], years.counts
    assert summary["spans"] == counts
    assert rows["test"] == counts["2016"]
    assert rows["train"] + rows["eval"] == counts["2013"] + counts["2014"] + counts["2015"]
    assert summary["quarantined"] == 0
    assert summary["pushed"]


def test_the_metadata_store_knows_the_span(years: Years, summary: dict[str, Any]) -> None:
    """MLMD's Examples and the execution that made them carry the latest span that was read."""
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(years.path / "work" / "taxi-by-year" / "metadata.db")
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    store = MetadataStore(connection)
    examples = store.get_artifacts_by_type("Examples")
    spans = [artifact for artifact in examples if "spans" in artifact.custom_properties]
    assert [json.loads(artifact.custom_properties["spans"].string_value) for artifact in spans] == [summary["spans"]]
    assert _span_of(spans[0]) == "2016"
    (made,) = [one for one in store.get_executions() if "span" in {*one.properties, *one.custom_properties}]
    assert _span_of(made) == "2016"


def test_another_span_can_be_asked_for(years: Years) -> None:
    """With data.span the window ends there; a year that is not there is a wrong configuration, with those that are."""
    assert years.penstock("validate", "--set", "data.span=2015").returncode == 0
    done = years.penstock("validate", "--set", "data.span=2030")
    assert done.returncode == 2
    assert "there is no span 2030. There are the spans 2013, 2014, 2015, 2016." in done.stderr


def test_all_spans_may_not_be_tested_on(years: Years) -> None:
    """Of the first year alone none is left to train on."""
    done = years.penstock("validate", "--set", "data.span=2013")
    assert done.returncode == 2
    assert "none is left to train on" in done.stderr


def _span_of(record: Any) -> str:
    value = record.properties["span"] if "span" in record.properties else record.custom_properties["span"]
    return str(value.string_value or value.int_value)
