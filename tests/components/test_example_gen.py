from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples

from components.example_gen import ROWS_PROPERTY, Executor
from pipeline.config import Data
from pipeline.sources import example_gen
from schema.errors import DataAnomaly
from tests.components.tables import read_records, to_row

SPLITS = {"train": 7, "eval": 1, "test": 2}
TYPES = {"number": "INT", "city": "BYTES", "fare": "FLOAT"}
ROWS = [f"{row},city {row % 5},{row / 2 if row % 9 else ''}" for row in range(300)]


@dataclass(frozen=True)
class Made:
    """What an ExampleGen made."""

    artifact: Examples

    @property
    def counts(self) -> dict[str, int]:
        """The rows of each split, as the artifact says."""
        counts: dict[str, int] = json.loads(self.artifact.get_string_custom_property(ROWS_PROPERTY))
        return counts

    def rows(self, split: str) -> list[str]:
        """The rows in a split's files, as lines of the CSV."""
        return [to_line(record) for record in read_records(Path(self.artifact.uri, f"Split-{split}", "*"))]


def to_line(record: bytes) -> str:
    """Returns a serialised example as the line of the CSV that it came from."""
    row = to_row(record)
    number, city, fare = row["number"], row["city"], row["fare"]
    assert isinstance(number, int)
    assert isinstance(city, bytes)
    return f"{number},{city.decode()},{'' if fare is None else float(fare)}"


def run(path: str, folder: Path, splits: dict[str, int] = SPLITS, seed: int = 0) -> Made:
    """Runs the executor as the DAG's ExampleGen would, in this process."""
    component = example_gen(Data(source="csv", path=path, splits=splits, split_seed=seed), TYPES)
    artifact = Examples()
    artifact.uri = str(folder)
    options = PipelineOptions(["--direct_running_mode=in_memory"])
    context = Executor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(options=options))
    Executor(context).Do({}, {"examples": [artifact]}, component.exec_properties)
    return Made(artifact)


def write(path: Path, rows: list[str]) -> str:
    """Returns the path of a CSV with those rows."""
    path.write_text("\n".join(["number,city,fare", *rows]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three hundred rows in three splits."""
    folder = tmp_path_factory.mktemp("example_gen")
    return run(write(folder / "rows.csv", ROWS), folder / "examples")


def test_each_row_of_the_file_is_in_one_split_and_no_row_is_lost(made: Made) -> None:
    """The rows of the three splits are the rows of the file, each once."""
    out = [row for split in SPLITS for row in made.rows(split)]
    assert Counter(out) == Counter(ROWS)


def test_the_artifact_says_how_many_rows_each_split_has(made: Made) -> None:
    """The property `rows` holds the number of rows that the files hold."""
    assert made.counts == {split: len(made.rows(split)) for split in SPLITS}
    assert sum(made.counts.values()) == len(ROWS)


def test_the_splits_have_about_the_sizes_that_were_asked(made: Made) -> None:
    """Seven of ten rows train the model."""
    assert made.counts["train"] / len(ROWS) == pytest.approx(0.7, abs=0.07)
    assert made.counts["test"] / len(ROWS) == pytest.approx(0.2, abs=0.07)


def test_the_artifact_says_what_its_files_are(made: Made) -> None:
    """Later steps read the splits' names and format from the artifact; the files really are gzipped."""
    (file,) = Path(made.artifact.uri, "Split-eval").iterdir()
    assert gzip.decompress(file.read_bytes())
    assert artifact_utils.decode_split_names(made.artifact.split_names) == list(SPLITS)
    assert made.artifact.get_string_custom_property("file_format") == "tfrecords_gzip"


def test_the_same_rows_in_other_files_fall_into_the_same_splits(made: Made, tmp_path: Path) -> None:
    """A split depends on the row, not on the file, its place there or the order of the files."""
    write(tmp_path / "b.csv", ROWS[:120][::-1])
    write(tmp_path / "a.csv", ROWS[120:])
    again = run(str(tmp_path / "*.csv"), tmp_path / "examples")
    assert {split: Counter(again.rows(split)) for split in SPLITS} == {
        split: Counter(made.rows(split)) for split in SPLITS
    }


def test_another_seed_divides_the_rows_anew(made: Made, tmp_path: Path) -> None:
    """data.split_seed gives other splits of the same rows."""
    other = run(write(tmp_path / "rows.csv", ROWS), tmp_path / "examples", seed=1)
    assert set(other.rows("train")) != set(made.rows("train"))


def test_a_split_without_rows_stops_the_run(tmp_path: Path) -> None:
    """Rows too few for the splits are refused; the message names the split and what to change."""
    path = write(tmp_path / "rows.csv", ROWS[:2])
    with pytest.raises(DataAnomaly, match=r"2 rows are too few: the .*(train|eval|test) split got none.*data\.splits"):
        run(path, tmp_path / "examples")


def test_a_file_with_nothing_but_a_header_stops_the_run(tmp_path: Path) -> None:
    """A table of no rows is refused by name, also when another file has rows."""
    write(tmp_path / "full.csv", ROWS)
    empty = write(tmp_path / "hollow.csv", [])
    with pytest.raises(DataAnomaly, match=f"{empty}: has no rows"):
        run(str(tmp_path / "*.csv"), tmp_path / "examples")


def test_a_bad_row_stops_the_run_before_anything_is_written(tmp_path: Path) -> None:
    """A value that is not of its column's type is told as the reader tells it, and no split appears."""
    path = write(tmp_path / "rows.csv", [*ROWS, "many,Rome,1.5"])
    with pytest.raises(DataAnomaly, match="row 302, column 'number' holds 'many'"):
        run(path, tmp_path / "examples")
    assert not (tmp_path / "examples").exists()
