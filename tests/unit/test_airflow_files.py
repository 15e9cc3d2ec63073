"""The DAG folder for Airflow. `python -m tests.unit.test_airflow_files` writes the golden files again."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config
from pipeline.loading import load
from pipeline.targets.airflow import dag_files
from pipeline.targets.airflow_options import dag_options, step_options
from schema.errors import UsageError
from tests.unit.samples import REPOSITORY, TAXI, minimal, write, write_schema

GOLDEN = REPOSITORY / "tests" / "golden" / "airflow"
SETTINGS = {"schedule": "0 6 * * 1", "start_date": date(2025, 3, 1), "retries": 2, "workdir": "/srv/penstock"}


def golden_config() -> Config:
    """A pipeline that says the same on every machine."""
    return Config.model_validate(minimal(data={"path": "/data/trips.csv"}, airflow=SETTINGS))


def written(folder: Path, files: dict[str, str]) -> Path:
    """Writes the files into a folder, as `penstock compile` does."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_files_are_the_golden_ones() -> None:
    """The DAG's file and its configuration are, word for word, those of tests/golden/airflow."""
    golden = {file.name: file.read_text(encoding="utf-8") for file in GOLDEN.iterdir()}
    assert dag_files(golden_config()) == golden


def test_the_dag_file_is_one_that_airflow_looks_into() -> None:
    """It compiles, and has the words by which Airflow tells DAG files from others."""
    text = dag_files(golden_config())["taxi.py"]
    compile(text, "taxi.py", "exec")
    assert "airflow" in text.lower()
    assert "dag" in text.lower()


def test_the_configuration_is_read_as_it_was(tmp_path: Path) -> None:
    """What the folder's YAML says is, read again, the configuration that was compiled, but for where things now lie."""
    compiled = load([TAXI])
    folder = written(tmp_path / "dags", dag_files(compiled, tmp_path / "work"))
    again = load([folder / "taxi.yaml"])
    moved = {"schema_": again.schema_, "airflow": again.airflow}
    assert again == compiled.model_copy(update=moved)
    assert again.schema_.path == str(folder / "taxi.pbtxt")
    assert again.airflow.workdir == str(tmp_path / "work")


def test_settings_of_several_files_become_one(tmp_path: Path) -> None:
    """Overlays and --set are merged: the folder has no need of the files that it came from."""
    (tmp_path / "configs").mkdir()
    below = write(tmp_path / "configs" / "taxi.yaml", minimal(schema={"path": str(write_schema(tmp_path))}))
    above = write(tmp_path / "configs" / "over.yaml", {"airflow": SETTINGS})
    folder = written(tmp_path / "dags", dag_files(load([below, above], ["model.epochs=3"])))
    again = load([folder / "taxi.yaml"])
    assert (again.model.epochs, again.airflow.schedule) == (3, "0 6 * * 1")
    assert again.data.path == str(tmp_path / "configs" / "trips.csv")


def test_without_a_curated_schema_there_are_two_files() -> None:
    """A pipeline that infers its schema has no schema file in its folder."""
    assert set(dag_files(golden_config())) == {"taxi.py", "taxi.yaml"}


def test_the_workdir_is_var_where_nothing_else_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's workers run elsewhere: the path that is written is absolute, from the folder of the compilation."""
    monkeypatch.chdir(tmp_path)
    files = dag_files(Config.model_validate(minimal()))
    assert f"workdir: {tmp_path / 'var'}\n" in files["taxi.yaml"]


def test_the_configuration_may_name_the_workdir() -> None:
    """`airflow.workdir` goes before what the command line says."""
    assert "workdir: /srv/penstock\n" in dag_files(golden_config(), Path("/elsewhere"))["taxi.yaml"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"schedule": "daily"}, "legal are five fields such as '0 6 * * 1', and @once, @hourly"),
        ({"schedule": "a b c d !"}, "legal are five fields"),
        ({"schedule": "* * * *"}, "legal are five fields"),
        ({"workdir": "var"}, "'airflow.workdir' is 'var'"),
        ({"retry_after": "5"}, "'airflow.retry_after' is '5'"),
        ({"start_date": "soon"}, "'airflow.start_date' is 'soon'"),
        ({"max_active_runs": 0}, "'airflow.max_active_runs' is 0"),
        ({"schedul": "@daily"}, "unknown key 'airflow.schedul'. Did you mean 'schedule'?"),
    ],
)
def test_what_airflow_would_refuse_is_refused_before(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    """A setting that Airflow could not take is told with its key, and with what is legal."""
    file = write(tmp_path / "taxi.yaml", minimal(airflow=settings))
    with pytest.raises(UsageError) as caught:
        load([file])
    assert said in str(caught.value)


def test_the_settings_are_told_in_airflows_words() -> None:
    """The DAG gets its schedule, its first day in UTC, and how a step that fails is tried again."""
    options = dag_options(golden_config())
    assert (options["schedule"], options["start_date"].isoformat()) == ("0 6 * * 1", "2025-03-01T00:00:00+00:00")
    assert (options["catchup"], options["max_active_runs"], options["dagrun_timeout"]) == (False, 1, None)
    assert options["default_args"]["retries"] == 2
    assert options["default_args"]["retry_delay"] == timedelta(minutes=5)


def test_a_step_has_its_own_retries_and_timeout() -> None:
    """`steps` counts on Airflow as it does on a cluster: a step's own settings over those of `default`."""
    steps = {"default": {"retries": 1}, "Trainer": {"timeout": "2h", "retry_after": "30s"}}
    given = Config.model_validate(minimal(steps=steps))
    assert step_options(given, "ExampleGen") == {"retries": 1}
    assert step_options(given, "Trainer") == {
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(hours=2),
    }


def write_golden() -> None:
    """Writes the golden files from the code as it is."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, text in dag_files(golden_config()).items():
        (GOLDEN / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_golden()
