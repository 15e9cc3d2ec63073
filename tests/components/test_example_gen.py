from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import given, settings
from hypothesis import strategies as st
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples

from components.example_gen import QUARANTINE_PROPERTY, QUARANTINED_PROPERTY, SPANS_PROPERTY, Executor
from components.options_packing import unpack
from components.row_counts import ROWS_PROPERTY
from components.source_driver import SourceDriver
from pipeline.sources import example_gen
from schema.errors import DataAnomaly
from tests.components.readers.test_sql import make_database
from tests.components.tables import read_records, to_row
from tests.unit.samples import config

SPLITS = {"train": 7, "eval": 1, "test": 2}
TYPES = {"number": "INT", "city": "BYTES", "fare": "FLOAT"}
ROWS = [f"{row},city {row % 5},{row / 2 if row % 9 else ''}" for row in range(300)]
BAD_ROWS = ["1,Rome", "many,Rome,1.5", ",Rome,2.5", '1,"Ro\nme",x']
REASONS = ["has 2 values", "'number' holds 'many'", "'number' has no value", "'fare' holds 'x'"]


@dataclass(frozen=True)
class Made:
    """What an ExampleGen made."""

    artifact: Examples

    @property
    def counts(self) -> dict[str, int]:
        """The rows of each split, as the artifact says."""
        counts: dict[str, int] = json.loads(self.artifact.get_string_custom_property(ROWS_PROPERTY))
        return counts

    @property
    def spans(self) -> dict[str, int]:
        """The rows of each span, as the artifact says."""
        spans: dict[str, int] = json.loads(self.artifact.get_string_custom_property(SPANS_PROPERTY))
        return spans

    @property
    def quarantined(self) -> list[dict[str, Any]]:
        """The rows in quarantine."""
        path = self.artifact.get_string_custom_property(QUARANTINE_PROPERTY)
        return [json.loads(line) for line in Path(path).read_text().splitlines()] if path else []

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


def properties(limit: float = 0.0, **data: Any) -> dict[str, Any]:
    """Returns the execution properties of the DAG's ExampleGen."""
    given = {"splits": SPLITS} | data
    read = config(label="number", data=given, gates={"rows": {"max_quarantined": limit}})
    return dict(example_gen(read, TYPES, str(Path(data["path"]).parent / "root")).exec_properties)


def run(folder: Path, limit: float = 0.0, **data: Any) -> Made:
    """Runs the executor as the DAG's ExampleGen would, in this process."""
    artifact = Examples()
    artifact.uri = str(folder / "examples" / "1")
    options = PipelineOptions(["--direct_running_mode=in_memory"])
    context = Executor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(options=options))
    Executor(context).Do({}, {"examples": [artifact]}, properties(limit, **data))
    return Made(artifact)


def write(path: Path, rows: list[str]) -> str:
    """Returns the path of a CSV with those rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["number,city,fare", *rows]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three hundred rows in three splits."""
    folder = tmp_path_factory.mktemp("example_gen")
    return run(folder, path=write(folder / "rows.csv", ROWS))


@pytest.fixture(scope="module")
def sifted(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same rows in two files, with bad ones among them."""
    folder = tmp_path_factory.mktemp("sifted")
    write(folder / "rows-1.csv", [*ROWS[:100], *BAD_ROWS[:2]])
    write(folder / "rows-2.csv", [*BAD_ROWS[2:], *ROWS[100:]])
    return run(folder, limit=0.02, path=str(folder / "rows-*.csv"))


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


def test_without_a_bad_row_there_is_no_quarantine(made: Made) -> None:
    """No file is written, and the artifact names none."""
    assert made.quarantined == []
    assert made.artifact.get_int_custom_property(QUARANTINED_PROPERTY) == 0
    assert not list(Path(made.artifact.uri).parents[1].glob("**/rows.jsonl"))


def test_bad_rows_are_quarantined_and_the_good_ones_kept(made: Made, sifted: Made) -> None:
    """Each bad row is kept with its file, line, reason and text; every other row is in the split that it has anyway."""
    assert {split: Counter(sifted.rows(split)) for split in SPLITS} == {
        split: Counter(made.rows(split)) for split in SPLITS
    }
    kept = sorted(sifted.quarantined, key=lambda row: (row["file"], row["line"]))
    assert [(Path(row["file"]).name, row["line"], row["row"]) for row in kept] == [
        ("rows-1.csv", 102, BAD_ROWS[0]),
        ("rows-1.csv", 103, BAD_ROWS[1]),
        ("rows-2.csv", 2, BAD_ROWS[2]),
        ("rows-2.csv", 3, BAD_ROWS[3]),
    ]
    assert all(row["reason"].startswith(reason) for row, reason in zip(kept, REASONS, strict=True))


def test_rows_in_are_rows_out_and_rows_in_quarantine(sifted: Made) -> None:
    """The artifact says where each row went."""
    assert sifted.artifact.get_int_custom_property(QUARANTINED_PROPERTY) == len(BAD_ROWS)
    assert sum(sifted.counts.values()) + len(BAD_ROWS) == len(ROWS) + len(BAD_ROWS)


def test_too_many_bad_rows_stop_the_run_and_are_kept(tmp_path: Path) -> None:
    """Above the limit nothing is described as examples, and the quarantine is there to be looked at."""
    path = write(tmp_path / "rows.csv", [*ROWS, *BAD_ROWS])
    with pytest.raises(DataAnomaly, match=r"4 of 304 rows \(1\.32%\).*max_quarantined allows 1\.00%") as refused:
        run(tmp_path, limit=0.01, path=path)
    (kept,) = tmp_path.glob("root/quarantine/**/rows.jsonl")
    assert len(kept.read_text().splitlines()) == len(BAD_ROWS)
    assert f"{path}: line 302: has 2 values" in str(refused.value)


def test_the_same_rows_in_other_files_fall_into_the_same_splits(made: Made, tmp_path: Path) -> None:
    """A split depends on the row, not on the file, its place there or the order of the files."""
    write(tmp_path / "b.csv", ROWS[:120][::-1])
    write(tmp_path / "a.csv", ROWS[120:])
    again = run(tmp_path, path=str(tmp_path / "*.csv"))
    assert {split: Counter(again.rows(split)) for split in SPLITS} == {
        split: Counter(made.rows(split)) for split in SPLITS
    }


@given(order=st.permutations(range(30)), files=st.integers(1, 3))
@settings(deadline=None, max_examples=5, database=None)
def test_splits_do_not_depend_on_files_or_formats(
    made: Made, order: list[int], files: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However rows are ordered and parted into files of JSON Lines, each is in the split that it has in a CSV."""
    folder = tmp_path_factory.mktemp("orders")
    rows = [ROWS[index * 10].split(",") for index in order]
    lines = [
        json.dumps({"fare": float(fare) if fare else None, "city": city, "number": int(number)})
        for number, city, fare in rows
    ]
    for part in range(files):
        (folder / f"{part}.jsonl").write_text("\n".join(lines[part::files]))
    again = run(folder, source="jsonl", path=str(folder / "*.jsonl"))
    chosen = {",".join(row) for row in rows}
    assert {split: Counter(again.rows(split)) for split in SPLITS} == {
        split: Counter(row for row in made.rows(split) if row in chosen) for split in SPLITS
    }


def test_another_seed_divides_the_rows_anew(made: Made, tmp_path: Path) -> None:
    """data.split_seed gives other splits of the same rows."""
    other = run(tmp_path, path=write(tmp_path / "rows.csv", ROWS), split_seed=1)
    assert set(other.rows("train")) != set(made.rows("train"))


def test_the_latest_spans_are_the_test_split(tmp_path: Path) -> None:
    """With data.test_spans their rows are all tested on, and no other row is; the artifact counts the rows of each."""
    for span, rows in (("9", ROWS[:100]), ("10", ROWS[100:250]), ("11", [*ROWS[250:], "bad"])):
        write(tmp_path / span / "rows.csv", rows)
    path = str(tmp_path / "{SPAN}" / "rows.csv")
    out = run(tmp_path, limit=0.01, path=path, window=3, test_spans=1)
    assert Counter(out.rows("test")) == Counter(ROWS[250:])
    assert Counter([*out.rows("train"), *out.rows("eval")]) == Counter(ROWS[:250])
    assert list(out.spans.items()) == [("9", 100), ("10", 150), ("11", 51)]


def test_a_span_without_rows_stops_the_run(tmp_path: Path) -> None:
    """A year that is missing is not made up for by the others."""
    write(tmp_path / "1" / "rows.csv", ROWS)
    write(tmp_path / "2" / "rows.csv", [])
    with pytest.raises(DataAnomaly, match="span 2 has no rows"):
        run(tmp_path, path=str(tmp_path / "{SPAN}" / "rows.csv"), window=2)


def test_a_split_without_rows_stops_the_run(tmp_path: Path) -> None:
    """Rows too few for the splits are refused; the message names the split and what to change."""
    path = write(tmp_path / "rows.csv", ROWS[:2])
    with pytest.raises(DataAnomaly, match=r"2 rows are too few: the .*(train|eval|test) split got none.*data\.splits"):
        run(tmp_path, path=path)


def test_a_source_without_rows_stops_the_run(tmp_path: Path) -> None:
    """Headers alone are nothing to train on."""
    write(tmp_path / "a.csv", [])
    with pytest.raises(DataAnomaly, match=r"\*\.csv: has no rows"):
        run(tmp_path, path=str(tmp_path / "*.csv"))


def test_one_of_several_files_may_have_a_header_only(tmp_path: Path) -> None:
    """An export in parts may have an empty one: rows are counted over all of them."""
    write(tmp_path / "full.csv", ROWS)
    write(tmp_path / "hollow.csv", [])
    assert sum(run(tmp_path, path=str(tmp_path / "*.csv")).counts.values()) == len(ROWS)


def test_a_file_that_cannot_be_read_stops_the_run(tmp_path: Path) -> None:
    """A file that is broken midway is told by its name, whatever the limit; its first rows are not all."""
    write(tmp_path / "a.csv", ROWS)
    write(tmp_path / "b.csv", [*ROWS, '1,"Rome,2.5', "2,Oslo,3.5"])
    with pytest.raises(DataAnomaly, match=r"b\.csv: a quote that opens in row 302 is never closed"):
        run(tmp_path, limit=1.0, path=str(tmp_path / "*.csv"))


def driven(**data: Any) -> dict[str, Any]:
    """Returns what the driver adds to the execution, which MLMD records."""
    before = properties(**data)
    after = SourceDriver(None).resolve_exec_properties(before, None, None)
    return {key: value for key, value in after.items() if key not in before or before[key] != value}


def test_the_input_base_is_the_path_that_counts(tmp_path: Path) -> None:
    """A backend that sets the plain property, as a parameter of the pipeline, changes what driver and executor read."""
    write(tmp_path / "then" / "rows.csv", ROWS)
    now = write(tmp_path / "now" / "rows.csv", ROWS[:200])
    given = properties(path=str(tmp_path / "then" / "rows.csv")) | {"input_base": now}
    assert unpack(given).path == now
    expected = SourceDriver(None).resolve({}, properties(path=now))["input_fingerprint"]
    assert SourceDriver(None).resolve({}, given)["input_fingerprint"] == expected


def test_the_driver_changes_none_of_its_arguments(tmp_path: Path) -> None:
    """What it finds is in what it returns only, as our drivers promise."""
    given = properties(path=write(tmp_path / "rows.csv", ROWS))
    before = dict(given)
    assert SourceDriver(None).resolve({}, given) != given
    assert given == before


def test_the_driver_records_span_version_and_fingerprint(tmp_path: Path) -> None:
    """The metadata store says which data a model was trained on."""
    for place in ("7/1", "8/1", "8/2"):
        write(tmp_path / place / "rows.csv", ROWS)
    said = driven(path=str(tmp_path / "{SPAN}" / "{VERSION}" / "rows.csv"), window=2)
    assert (said["span"], said["version"]) == (8, 2)
    assert len(said["input_fingerprint"]) == 64


def test_the_fingerprint_is_of_all_spans_that_are_read(tmp_path: Path) -> None:
    """An older span of the window that is written again makes the step run again; one outside of it does not."""
    for span in ("1", "2", "3"):
        write(tmp_path / span / "rows.csv", ROWS)
    data = {"path": str(tmp_path / "{SPAN}" / "rows.csv"), "window": 2}
    seen = [driven(**data)["input_fingerprint"]]
    for span in ("1", "2"):
        write(tmp_path / span / "rows.csv", ROWS[:-1])
        seen.append(driven(**data)["input_fingerprint"])
    assert seen[0] == seen[1] != seen[2]


def test_the_rows_of_a_query_go_through_the_same_gates(tmp_path: Path) -> None:
    """SQL rows are split, and its bad ones quarantined, as those of a file are."""
    url = make_database(tmp_path / "trips.db", [(row / 2, row, f"city {row % 5}", None) for row in range(100)])
    query = "SELECT miles AS number, fare, CASE WHEN miles = 7 THEN NULL ELSE company END AS city FROM trips"
    data = {"source": "sql", "connection": url, "query": f"{query} UNION ALL SELECT NULL, 1.5, 'Rome'"}
    out = run(tmp_path, limit=0.01, path=str(tmp_path / "unused"), **data)
    assert sum(out.counts.values()) == 100
    (bad,) = out.quarantined
    assert (bad["file"], bad["line"], bad["reason"]) == (
        data["query"],
        101,
        "'number' has no value, and the label needs one",
    )
