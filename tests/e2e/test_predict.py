"""Predictions from what a run pushed: right rows, wrong rows, and files that hold both."""

from __future__ import annotations

import csv
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from serving.client import Client, Unreachable
from tests.e2e.conftest import PENSTOCK, Pushed

pytestmark = pytest.mark.e2e
TRIP = {"fare": 12.5, "payment_type": "Credit Card", "trip_start_timestamp": 1_400_000_000}
READ = ["company", "fare", "payment_type", "pickup_community_area", "trip_miles", "trip_start_timestamp"]


def predict(pushed: Pushed, file: Path, via: str = "local", *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Returns how `predict` ends, its answers, and what it says on standard error."""
    done = pushed.folder.penstock("predict", "small.yaml", "--input", str(file), "--via", via, *words)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def write_json(folder: Path, *rows: Any) -> Path:
    """Writes rows as JSON Lines; a text is a line as it stands."""
    file = folder / "rows.jsonl"
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return file


@pytest.fixture(scope="module")
def server(first_run: Pushed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A model server that `penstock serve` started on what the run pushed: its address by protocol."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        grpc, rest = one.getsockname()[1], other.getsockname()[1]
    command: list[str | Path] = [PENSTOCK, "serve", "small.yaml", "--port", str(grpc), "--rest-port", str(rest)]
    log = tmp_path_factory.mktemp("server") / "server.log"
    with log.open("w") as out, subprocess.Popen(command, cwd=first_run.folder.path, stdout=out, stderr=out) as process:
        try:
            wait_until_loaded(process, f"localhost:{rest}", log)
            yield {"rest": f"localhost:{rest}", "grpc": f"localhost:{grpc}"}
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0, log.read_text()


def wait_until_loaded(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Waits until the server answers, which it does once the model is loaded; fails where it ends before."""
    with Client.rest(address, "small") as client:
        while process.poll() is None:
            try:
                (status,) = client.status()
            except Unreachable:
                time.sleep(0.2)
            else:
                assert status.state == "AVAILABLE"
                return
    pytest.fail(f"The server ended with {process.returncode}: {log.read_text()}")


@pytest.mark.parametrize("via", ["rest", "grpc"])
def test_a_model_server_answers_as_the_model_in_this_process(
    first_run: Pushed, server: dict[str, str], tmp_path: Path, via: str
) -> None:
    """Real trips, some with wrong values, by REST and gRPC: each row's answer is that of --via local.

    The last bits of a sum depend on how many rows are computed together.
    """
    with first_run.folder.data.open(newline="") as file:
        header, *trips = csv.reader(file)
    for place in (3, 700):
        trips[place][header.index("fare")] = "twelve"
    rows = tmp_path / "rows.csv"
    with rows.open("w", newline="") as file:
        csv.writer(file).writerows([header, *trips, ["too", "short"]])
    code, answers, said = predict(first_run, rows, via, "--server", server[via])
    local_code, local_answers, local_said = predict(first_run, rows)
    assert (code, said) == (local_code, local_said)
    assert len(answers) == len(trips) + 1 > 1000
    assert [answer.get("error") for answer in answers] == [answer.get("error") for answer in local_answers]
    assert sum("error" in answer for answer in answers) >= 3
    probabilities = [answer.get("probability") for answer in local_answers]
    assert [answer.get("probability") for answer in answers] == pytest.approx(probabilities, abs=1e-6)


@pytest.mark.parametrize("way", [Client.rest, Client.grpc])
def test_serving_default_answers_as_predict_columns_does(first_run: Pushed, server: dict[str, str], way: Any) -> None:
    """The same rows as tf.Examples, made by the client from the version's contract, get the same answers."""
    versions = first_run.folder.workdir / "serving" / "small"
    address = server["rest" if way == Client.rest else "grpc"]
    rows = [
        TRIP,
        TRIP | {"company": "Škoda Cabs", "trip_miles": "3.5"},
        TRIP | {"fare": "twelve"},
        TRIP | {"fare": None},
    ]
    with way(address, "small", contracts=versions) as columns:
        by_column = list(columns.predict(rows))
    with way(address, "small", contracts=versions, signature="serving_default") as examples:
        by_example = list(examples.predict(rows))
    assert by_example[2] == by_column[2] == {"error": "row 3: 'fare' is 'twelve', and the model needs a number there"}
    assert [one.get("probability") for one in by_example] == pytest.approx(
        [one.get("probability") for one in by_column], abs=1e-6
    )


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
