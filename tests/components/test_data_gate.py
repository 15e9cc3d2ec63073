from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies, Examples, ExampleStatistics, Schema

from components.anomalies import Anomaly
from components.artifacts import GateReport
from components.data_gate import DataGate, check_anomalies, check_label
from components.offenders import offending_rows
from schema.column import Column
from schema.errors import DataAnomaly
from schema.expression import Expression
from tests.components.tables import Columns, to_examples, write_records

SCHEMA = """
    feature { name: "fare" type: FLOAT float_domain { min: 0 max: 100 } }
    feature { name: "tips" type: FLOAT value_count { max: 1 } }
    feature { name: "zone" type: INT presence { min_fraction: 1.0 min_count: 1 } shape {} }
    feature { name: "kind" type: BYTES value_count { max: 1 } }
"""
FAIL = Anomaly("train", "fare", "found 250", "numbers", "fail")
WARN = Anomaly("eval", "kind", "found Gold", "text", "warn")
SPLITS = ("train", "eval", "test")


def refusal(rows: Columns, label: str, folder: Path) -> str:
    """Returns the message with which a label is refused."""
    with pytest.raises(DataAnomaly) as refused:
        check(rows, label, folder)
    return str(refused.value)


def check(rows: Columns, label: str, folder: Path) -> None:
    """Checks the label of a train split of those rows."""
    file = write_records(folder / "rows.gz", to_examples(rows))
    check_label("trips.csv", [str(file)], Expression(label), text_format.Parse(SCHEMA, schema_pb2.Schema()))


def test_without_anomalies_there_is_nothing_to_say() -> None:
    """No anomaly, no warning."""
    assert check_anomalies("trips.csv", []) == []


def test_what_is_only_warned_of_comes_back_as_sentences() -> None:
    """A warning says the split, the feature, what was found and what is allowed."""
    assert check_anomalies("trips.csv", [WARN]) == ["eval split, feature 'kind': found Gold. The schema allows: text."]


def test_one_failure_among_warnings_stops_the_run() -> None:
    """The message names the source and each failure, and how to let a feature pass, but not the warnings."""
    other = Anomaly("test", "zone", "missing", "integers", "fail")
    with pytest.raises(DataAnomaly) as refused:
        check_anomalies("trips.csv", [WARN, FAIL, other])
    message = str(refused.value)
    assert message.startswith("trips.csv: ")
    assert str(FAIL) in message
    assert str(other) in message
    assert "Gold" not in message
    assert "gates.data.features" in message


@pytest.mark.parametrize(
    ("label", "rows"),
    [
        ("tips > 0.2 * fare", {"tips": [1.0, 3.0], "fare": [10.0, 10.0]}),
        ("kind", {"kind": ["Rome", "Oslo"]}),
        ("zone % 2", {"zone": [2, 3]}),
        ("zone > 5 and not tips > 1", {"zone": [9, 9], "tips": [0.5, 1.5]}),
        ("tips", {"tips": [1.0] * 5000 + [2.0]}),
        ("tips > 1", {"tips": [None, 1.0, float("nan"), 2.0]}),
    ],
    ids=["expression", "text", "integers", "boolean", "beyond the first batch", "missing values between"],
)
def test_a_label_that_varies_passes(label: str, rows: Columns, tmp_path: Path) -> None:
    """Two different labels anywhere in the train split are enough."""
    zones = {"zone": [0] * len(next(iter(rows.values())))}
    check(zones | dict(rows), label, tmp_path)


@pytest.mark.parametrize(
    ("label", "rows", "value"),
    [
        ("tips > 0.2 * fare", {"tips": [1.0, 0.0], "fare": [10.0, 10.0]}, "False"),
        ("tips > fare", {"tips": [1.0, 5.0, 5.0], "fare": [0.5, None, None]}, "True"),
        ("zone", {"zone": [7, 7, 7]}, "7"),
        ("kind", {"kind": ["Rome", None, "Rome"]}, "b'Rome'"),
    ],
    ids=["expression", "rows without a label do not count", "integer", "text"],
)
def test_a_label_that_is_always_the_same_stops_the_run(label: str, rows: Columns, value: str, tmp_path: Path) -> None:
    """There is nothing to learn; the message names the source, the label and its one value."""
    message = refusal(rows, label, tmp_path)
    assert message.startswith("trips.csv: ")
    assert f"{label!r} cannot be learned: in the train split every row has the same label, {value}." in message


@pytest.mark.parametrize(
    ("label", "rows"),
    [
        ("tips > 1", {"fare": [1.0, 2.0]}),
        ("tips > fare", {"fare": [1.0, None], "tips": [None, 2.0]}),
        ("kind", {"kind": [None, None]}),
    ],
    ids=["no such column in the data", "never both columns", "always missing"],
)
def test_a_label_that_is_never_there_stops_the_run(label: str, rows: Columns, tmp_path: Path) -> None:
    """A row has a label when all its columns have a value; where no row has, the message says so."""
    assert f"{label!r} cannot be learned: in the train split no row has a label." in refusal(rows, label, tmp_path)


class Gate:
    """A DataGate on three splits, with TFDV's own anomalies."""

    def __init__(self, folder: Path, **columns: Any) -> None:
        self.table: Mapping[str, Any] = {"fare": [1.0, 2.0], "tips": [1.0, 0.0], "zone": [1, 2], "kind": ["a", "b"]}
        self.table = {**self.table, **columns}
        self.folder = folder
        self.report = GateReport()
        self.report.uri = str(folder / "report")
        (folder / "report").mkdir()

    def run(self, problem: str = "binary", default: str = "fail", **severities: str) -> list[str]:
        """Runs the component as the DAG does; returns the warnings that it wrote."""
        (self.folder / "schema.pbtxt").write_text(SCHEMA)
        DataGate.test_call(
            examples=self._examples(),
            statistics=self._statistics(),
            schema=_artifact(Schema, self.folder),
            anomalies=self._anomalies(),
            report=self.report,
            source="trips.csv",
            label="tips > 0.2 * fare",
            problem=problem,
            default_severity=default,
            severities=json.dumps(severities),
        )
        warnings: list[str] = json.loads(Path(self.report.uri, "warnings.json").read_text())
        return warnings

    def _examples(self) -> Examples:
        for split in SPLITS:
            write_records(self.folder / "examples" / f"Split-{split}" / "rows.gz", to_examples(self.table))
        return _artifact(Examples, self.folder / "examples")

    def _statistics(self) -> ExampleStatistics:
        found = tfdv.generate_statistics_from_dataframe(pd.DataFrame(self.table), n_jobs=1)
        for split in SPLITS:
            (self.folder / "statistics" / f"Split-{split}").mkdir(parents=True)
            stats = self.folder / "statistics" / f"Split-{split}" / "FeatureStats.pb"
            stats.write_bytes(found.SerializeToString())
        return _artifact(ExampleStatistics, self.folder / "statistics")

    def _anomalies(self) -> ExampleAnomalies:
        statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(self.table), n_jobs=1)
        found = tfdv.validate_statistics(statistics, text_format.Parse(SCHEMA, schema_pb2.Schema()))
        for split in SPLITS:
            (self.folder / "anomalies" / f"Split-{split}").mkdir(parents=True)
            (self.folder / "anomalies" / f"Split-{split}" / "SchemaDiff.pb").write_bytes(found.SerializeToString())
        return _artifact(ExampleAnomalies, self.folder / "anomalies")


def _artifact(kind: type, uri: Path) -> Any:
    artifact = kind()
    artifact.uri = str(uri)
    if "split_names" in (kind.PROPERTIES or {}):  # type: ignore[attr-defined]
        artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
    return artifact


def test_good_data_passes_without_a_warning(tmp_path: Path) -> None:
    """Data that fits its schema, with a label that varies, passes the gate."""
    assert Gate(tmp_path).run() == []


def test_an_anomaly_stops_the_run_and_names_each_split(tmp_path: Path) -> None:
    """A fare of 250 is found in all three splits; no report is written."""
    with pytest.raises(DataAnomaly) as refused:
        Gate(tmp_path, fare=[1.0, 250.0]).run()
    for split in SPLITS:
        assert f"{split} split, feature 'fare': " in str(refused.value)
    assert "The schema allows: numbers, from 0 to 100." in str(refused.value)
    assert not (tmp_path / "report" / "warnings.json").exists()


def test_an_anomaly_shows_the_rows_behind_it(tmp_path: Path) -> None:
    """The message has the first rows whose value the schema does not allow, that value first; others are not shown."""
    with pytest.raises(DataAnomaly) as refused:
        Gate(tmp_path, fare=[250.0, 1.0]).run()
    lines = str(refused.value).splitlines()
    shown = [json.loads(line) for line in lines if line.strip().startswith("{")]
    assert [next(iter(row.items())) for row in shown] == [("fare", 250.0)] * len(SPLITS)


def test_a_row_that_is_shown_is_cut_short(tmp_path: Path) -> None:
    """However long a row's texts are, a message stays one that can be read; the first rows are enough."""
    file = write_records(tmp_path / "rows.gz", to_examples({"fare": [-1.0, -2.0, -3.0], "kind": ["x" * 1000] * 3}))
    first, second = offending_rows([str(file)], Column("fare", "FLOAT", least=0.0), 2)
    assert first.startswith('{"fare": -1.0, "kind": "xxx')
    assert second.startswith('{"fare": -2.0')
    assert len(first) == 161


def test_a_feature_that_may_differ_is_reported_and_passes(tmp_path: Path) -> None:
    """Severity warn lets the run go on, and the report has a sentence for each split."""
    warnings = Gate(tmp_path, fare=[1.0, 250.0]).run(fare="warn")
    assert [sentence.split(":")[0] for sentence in warnings] == [f"{split} split, feature 'fare'" for split in SPLITS]


def test_by_default_everything_may_be_let_pass(tmp_path: Path) -> None:
    """With the default severity warn, only features that are set to fail stop the run."""
    assert len(Gate(tmp_path, fare=[1.0, 250.0]).run(default="warn")) == len(SPLITS)


def test_a_default_of_warn_still_fails_for_a_feature_set_to_fail(tmp_path: Path) -> None:
    """A feature's own severity counts more than the default."""
    with pytest.raises(DataAnomaly, match="feature 'fare'"):
        Gate(tmp_path, fare=[1.0, 250.0]).run(default="warn", fare="fail")


def test_a_label_of_one_class_stops_a_classification(tmp_path: Path) -> None:
    """All of the rows tip nothing: there is nothing to learn."""
    with pytest.raises(DataAnomaly, match="every row has the same label, False"):
        Gate(tmp_path, tips=[0.0, 0.0]).run()


def test_a_regression_may_have_one_value(tmp_path: Path) -> None:
    """Only classes must vary."""
    assert Gate(tmp_path, tips=[0.0, 0.0]).run(problem="regression") == []


def test_rows_without_a_label_stop_the_run(tmp_path: Path) -> None:
    """A row whose label cannot be computed would teach nothing but NaN: the message counts such rows."""
    with pytest.raises(DataAnomaly) as caught:
        Gate(tmp_path, tips=[1.0, None], fare=[1.0, 2.0]).run(default="warn")
    assert "1 rows of the train split have no 'tips'" in str(caught.value)
    assert "'fare'" not in str(caught.value)
