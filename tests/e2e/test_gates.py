"""The gates: a worse model is not pushed, and a data anomaly stops the run."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Folder, Pushed, trips, write_rows

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("first run")]


@pytest.fixture
def pushed(first_run: Pushed, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder of its own, with what the first run pushed."""
    return first_run.folder.copy(tmp_path_factory.mktemp("gates") / "small")


def test_a_worse_model_is_not_pushed(pushed: Folder) -> None:
    """A model that misses a bar, and is worse than the blessed one, ends with exit code 3 and pushes nothing."""
    before = pushed.versions
    done = pushed.run("--set", "model.epochs=1", "--set", "model.learning_rate=0.0000001", "--json")
    assert done.returncode == 3
    assert pushed.versions == before
    assert "auc is" in done.stderr
    assert "must be at least 0.85" in done.stderr
    assert "against the latest blessed model" in done.stderr
    summary = json.loads(done.stdout)
    assert summary["pushed"] is False
    assert {verdict["gate"]: verdict["passed"] for verdict in summary["verdicts"]}["model"] is False


def test_a_data_anomaly_stops_the_run(pushed: Folder) -> None:
    """A value outside its domain stops the run before training; the error says where, what, and what is allowed."""
    before = pushed.versions
    header, *rows = trips()
    payment = header.index("payment_type")
    for row in rows[::5]:
        row[payment] = "Barter"
    write_rows(pushed.data, [header, *rows])
    done = pushed.run()
    assert done.returncode == 3
    for words in ("trips.csv", "train split", "'payment_type'", "Barter", "one of Cash, Credit Card", "warn"):
        assert words in done.stderr
    assert "Transform" not in done.stdout
    assert pushed.versions == before
