"""The DAG folder under Airflow itself, in the environment that `make airflow` makes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.loading import load
from pipeline.targets.airflow import dag_files
from tests.e2e.conftest import REPOSITORY, Folder, make_folder

AIRFLOW = REPOSITORY / ".venv-airflow" / "bin" / "airflow"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not AIRFLOW.exists(), reason=f"{AIRFLOW} is not installed: make airflow"),
]
QUICK = """
features: [{column: fare, role: numeric}, {column: payment_type, role: categorical}]
model: {epochs: 2, trees: 0}
evaluation: {slices: [], slice_bars: [], bars: {auc: {min: 0.5}}}
steps: {Trainer: {retries: 3, timeout: 2h}}
airflow: {schedule: "@daily", tags: [trips]}
"""
SECONDS_TO_IMPORT = 300  # TFX's imports are most of a DAG file's; Airflow's own limit is 30


@dataclass(frozen=True)
class Installation:
    """An Airflow with a SQLite database and one DAG."""

    home: Path
    folder: Folder

    def airflow(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of Airflow's."""
        variables = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": str(SECONDS_TO_IMPORT),
            "PATH": os.pathsep.join((str(AIRFLOW.parent), os.environ["PATH"])),
        }
        return subprocess.run(
            [str(AIRFLOW), *words],
            cwd=self.home,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def write_dag(self, *settings: str) -> None:
        """Writes the DAG folder, as `penstock compile` does."""
        config = load([self.folder.path / "small.yaml", self.folder.path / "quick.yaml"], settings)
        for name, text in dag_files(config, self.folder.path / "var").items():
            (self.home / "dags" / name).write_text(text)

    def run(self, day: str) -> str:
        """Runs the DAG, which must succeed; returns what was printed."""
        done = self.airflow("dags", "test", "small", day)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def states(self, day: str) -> dict[str, str]:
        """How the steps of a day's run ended, as Airflow's database has it."""
        query = "SELECT task_id, state FROM task_instance WHERE run_id LIKE ?"
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return dict(database.execute(query, (f"manual__{day}%",)).fetchall())


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Airflow after two runs of the DAG."""
    top = tmp_path_factory.mktemp("airflow")
    folder = make_folder(top / "small")
    (folder.path / "quick.yaml").write_text(QUICK)
    (top / "home" / "dags").mkdir(parents=True)
    made = Installation(top / "home", folder)
    made.write_dag()
    migrated = made.airflow("db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    for day in ("2024-01-02", "2024-01-03"):
        made.run(day)
    return made


def test_airflow_imports_the_dag(installation: Installation) -> None:
    """Airflow finds one DAG in the folder, and no error."""
    printed = installation.airflow("dags", "list-import-errors").stdout
    assert "No data found" in printed


def test_every_step_succeeds(installation: Installation) -> None:
    """`airflow dags test` runs each step of the DAG, and each ends as a success."""
    states = installation.states("2024-01-02")
    assert {"ExampleGen", "Trainer", "Baseline", "Evaluator", "InfraValidator", "Pusher"} < set(states)
    assert set(states.values()) == {"success"}


def test_the_model_is_pushed_where_a_local_run_pushes_it(installation: Installation) -> None:
    """What Airflow ran lies in the workdir as after `penstock run`: its model is there to be asked."""
    assert installation.folder.versions
    asked = installation.folder.penstock(
        "predict", "small.yaml", "quick.yaml", "--input", str(installation.folder.data), "--limit", "1"
    )
    assert 0 <= json.loads(asked.stdout)["probability"] <= 1


def test_a_second_run_takes_what_the_first_made(installation: Installation) -> None:
    """With nothing changed the second run trains no model and pushes no second version."""
    assert set(installation.states("2024-01-03").values()) == {"success"}
    assert len(installation.folder.versions) == 1
    models = installation.folder.workdir / "root" / "Trainer" / "model"
    assert len(list(models.iterdir())) == 1


def test_a_gate_that_says_no_fails_the_run(installation: Installation) -> None:
    """A model that misses a bar is not pushed: the DAG's last step fails, is not tried again, and says which bar."""
    installation.write_dag("evaluation.bars.auc.min=0.9999", "airflow.retries=2")
    done = installation.airflow("dags", "test", "small", "2024-01-04")
    states = installation.states("2024-01-04")
    assert done.returncode == 1
    assert [state for state in states.values() if state != "success"] == ["failed"]
    assert states["Evaluator"] == "success"
    assert "Nothing was pushed. The model is not blessed: auc is" in done.stdout + done.stderr
    assert len(installation.folder.versions) == 1


def test_penstock_lists_airflows_runs(installation: Installation) -> None:
    """The runs are in the metadata store by Airflow's own ids, with what each step came to."""
    listed = installation.folder.penstock("runs", "list", "small.yaml", "--json")
    by_id = {run["run_id"]: run["state"] for run in json.loads(listed.stdout)}
    assert by_id["manual__2024-01-02T00:00:00+00:00"] == "done"
