from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.workdir import Workdir, workdir_of


def test_a_pipeline_keeps_its_files_under_var_by_default() -> None:
    """Without --workdir everything of a pipeline lies in var/<name> of the current folder."""
    assert workdir_of("taxi", None).path == Path.cwd() / "var" / "taxi"


def test_a_workdir_holds_a_folder_for_each_pipeline(tmp_path: Path) -> None:
    """With --workdir each pipeline has its own folder there."""
    assert workdir_of("taxi", tmp_path).path == tmp_path / "taxi"
    assert workdir_of("tips", tmp_path).path != workdir_of("taxi", tmp_path).path


def test_the_path_is_absolute() -> None:
    """A relative --workdir is made absolute, for the artifacts' addresses outlive the current folder."""
    assert workdir_of("taxi", Path("elsewhere")).path == Path.cwd() / "elsewhere" / "taxi"


def test_the_contract_of_what_lies_where(tmp_path: Path) -> None:
    """Artifacts, lineage and served versions lie where the design promises them to model servers and to people."""
    place = Workdir(tmp_path)
    assert place.root == tmp_path / "root"
    assert place.metadata == tmp_path / "metadata.db"
    assert place.blessed == tmp_path / "blessed"
    assert place.serving("taxi") == tmp_path / "serving" / "taxi"


@pytest.mark.parametrize("name", ["root", "metadata", "logs", "blessed", "lock"])
def test_nothing_lies_elsewhere(tmp_path: Path, name: str) -> None:
    """Whatever a run keeps lies inside the pipeline's folder."""
    assert getattr(Workdir(tmp_path), name).is_relative_to(tmp_path)


def test_naming_the_folder_makes_nothing(tmp_path: Path) -> None:
    """Where files would lie can be asked without a folder being made."""
    place = workdir_of("taxi", tmp_path)
    assert not place.serving("taxi").exists()
    assert list(tmp_path.iterdir()) == []
