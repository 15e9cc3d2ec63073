"""Predictions from what a run pushed: right rows, wrong rows, and files that hold both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from tests.e2e.conftest import Pushed

pytestmark = pytest.mark.e2e
TRIP = {"fare": 12.5, "payment_type": "Credit Card", "trip_start_timestamp": 1_400_000_000}
READ = ["company", "fare", "payment_type", "pickup_community_area", "trip_miles", "trip_start_timestamp"]


def predict(pushed: Pushed, file: Path) -> tuple[int, list[dict[str, Any]], str]:
    """Returns how `predict` ends, its answers, and what it says on standard error."""
    done = pushed.folder.penstock("predict", "small.yaml", "--input", str(file), "--via", "local")
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def write_json(folder: Path, *rows: Any) -> Path:
    """Writes rows as JSON Lines; a text is a line as it stands."""
    file = folder / "rows.jsonl"
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return file


def test_a_header_without_any_column_of_the_model_is_refused_once(first_run: Pushed, tmp_path: Path) -> None:
    """A CSV with another delimiter gets one error that shows its header, instead of one a row."""
    rows = tmp_path / "rows.csv"
    rows.write_text("fare;payment_type\n12.5;Cash\n3;Cash\n")
    code, answers, said = predict(first_run, rows)
    assert (code, answers) == (2, [])
    assert "It has 'fare;payment_type'; the model reads " in said
    assert "Is its delimiter ','?" in said


def test_predictions_come_one_object_a_row(first_run: Pushed, tmp_path: Path) -> None:
    """Rows of a CSV are answered in order; what may be missing may be, and a column too many is ignored."""
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "fare,payment_type,trip_start_timestamp,company,unheard_of\n"
        "12.5,Credit Card,1400000000,,1\n12.5,Cash,2014-05-13T16:53:20,Flash Cab,\n"
    )
    code, answers, said = predict(first_run, rows)
    assert (code, said) == (0, "")
    credit, cash = (answer["probability"] for answer in answers)
    assert 0 <= cash < credit <= 1


def test_a_wrong_row_is_told_in_its_place_and_costs_no_other(first_run: Pushed, tmp_path: Path) -> None:
    """Absent, unseen, of a wrong type, out of bounds, no JSON: each gets its reason, the rest their predictions."""
    unseen_company = TRIP | {"company": "Škoda Cabs"}
    wrong = [
        {"fare": 12.5, "payment_type": "Cash"},
        TRIP | {"payment_type": "Barter"},
        TRIP | {"fare": "twelve"},
        TRIP | {"fare": -3},
        TRIP | {"trip_miles": [1, 2]},
        "{oops",
    ]
    code, answers, said = predict(first_run, write_json(tmp_path, TRIP, *wrong, unseen_company))
    assert code == 1
    assert said == "penstock: 6 of 8 rows got no prediction; their lines say why.\n"
    errors = [answer.get("error", "") for answer in answers]
    for number, words in enumerate(
        [
            "'trip_start_timestamp' is missing",
            "'payment_type' is 'Barter', and the schema allows only 'Cash'",
            "'fare' is 'twelve', and the model needs a number there",
            "'fare' is -3, and the schema allows 0 to 10000",
            "'trip_miles' is a list",
            "line 7: not JSON",
        ],
        start=2,
    ):
        assert errors[number - 1].startswith(f"row {number}: {words}")
    _, alone, _ = predict(first_run, write_json(tmp_path, TRIP, unseen_company))
    assert [answers[0]["probability"], answers[-1]["probability"]] == pytest.approx(
        [one["probability"] for one in alone]
    )


def test_the_version_carries_the_contract_of_what_it_reads(first_run: Pushed) -> None:
    """The pushed version holds the schema of the columns that the model reads, and of no other."""
    version = first_run.folder.workdir / "serving" / "small" / first_run.summary["version"]
    text = (version / "assets.extra" / "schema.pbtxt").read_text()
    features = text_format.Parse(text, schema_pb2.Schema()).feature
    assert sorted(feature.name for feature in features) == READ
