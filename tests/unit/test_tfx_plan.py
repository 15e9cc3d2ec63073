"""What the files of kubeflow/tfx_cli are told of the pipeline."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.tfx_cli.plan import errors_as_exit, plan_of
from schema.errors import DataAnomaly, UsageError
from tests.unit.samples import REPOSITORY, minimal, write


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A configuration with one row of data."""
    (tmp_path / "trips.csv").write_text("fare,tips\n1,0\n", encoding="utf-8")
    return write(tmp_path / "churn.yaml", minimal(name="churn"))


def test_without_variables_it_is_the_default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the current folder is, the files lie in the repository's configs/, and runs in its var/."""
    monkeypatch.chdir(tmp_path)
    plan = plan_of({}, REPOSITORY, "taxi.yaml")
    assert plan.files == (REPOSITORY / "configs" / "taxi.yaml",)
    assert (plan.config.name, plan.place.path) == ("taxi", REPOSITORY / "var" / "taxi")


def test_variables_name_the_files_and_the_workdir(pipeline: Path, tmp_path: Path) -> None:
    """PENSTOCK_CONFIG holds files, each over the one before; PENSTOCK_WORKDIR is --workdir."""
    over = write(tmp_path / "over.yaml", {"model": {"epochs": 3}})
    named = os.pathsep.join(map(str, (pipeline, over)))
    plan = plan_of({"PENSTOCK_CONFIG": named, "PENSTOCK_WORKDIR": str(tmp_path / "work")}, REPOSITORY, "taxi.yaml")
    assert (plan.config.name, plan.config.model.epochs) == ("churn", 3)
    assert plan.place.path == tmp_path / "work" / "churn"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is told by its name, before TFX compiles anything."""
    with pytest.raises(UsageError, match=r"absent\.yaml: there is no such configuration file"):
        plan_of({"PENSTOCK_CONFIG": str(tmp_path / "absent.yaml")}, REPOSITORY, "taxi.yaml")


def test_data_that_is_not_there_is_told(pipeline: Path, tmp_path: Path) -> None:
    """A configuration whose data is gone is refused when the pipeline is created, not when it runs."""
    (tmp_path / "trips.csv").unlink()
    with pytest.raises(UsageError, match="no such data file"):
        plan_of({"PENSTOCK_CONFIG": str(pipeline)}, REPOSITORY, "taxi.yaml")


@pytest.mark.parametrize("error", [UsageError("the port is 0."), DataAnomaly("it has no rows.")])
def test_an_error_ends_with_its_exit_code(error: UsageError | DataAnomaly, capsys: pytest.CaptureFixture[str]) -> None:
    """The tfx CLI lets an exit through: a person reads one sentence, and a program the exit code of that error."""
    with pytest.raises(SystemExit) as caught, errors_as_exit():
        raise error
    assert caught.value.code == error.exit_code
    assert capsys.readouterr().err == f"penstock: {error}\n"
