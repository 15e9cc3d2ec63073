from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.samples import TAXI
from tests.unit.test_cli import _heavy_modules_after, penstock


@pytest.mark.parametrize("target", ["compose", "compose-gpu", "kubernetes", "kserve"])
def test_a_target_is_written(target: str, tmp_path: Path) -> None:
    """`deploy` writes the files, prints the name of each, and what to type next."""
    done = penstock("deploy", TAXI, "--target", target, "-o", "out", cwd=tmp_path)
    assert done.returncode == 0
    *wrote, following = done.stdout.splitlines()
    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert {line.removeprefix("wrote ") for line in wrote} == files
    assert following.startswith("next  ")
    assert "out" in following


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """--dry-run prints each file under its name, and leaves the folder empty."""
    done = penstock("deploy", TAXI, "--target", "kubernetes", "--dry-run", cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "# deploy/taxi/kubernetes/deployment.yaml\n" in done.stdout


def test_the_files_come_as_json(tmp_path: Path) -> None:
    """--json prints the files and their texts in one object."""
    done = penstock("deploy", TAXI, "-t", "compose", "--dry-run", "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert (answer["target"], answer["written"]) == ("compose", False)
    assert "deploy/taxi/compose/compose.yaml" in answer["files"]


def test_compose_mounts_what_a_run_pushes(tmp_path: Path) -> None:
    """The compose file leads from its own folder to the folder that the pipeline pushes to, by a relative path."""
    penstock("deploy", TAXI, "-t", "compose", cwd=tmp_path)
    folder = tmp_path / "deploy" / "taxi" / "compose"
    content = yaml.safe_load((folder / "compose.yaml").read_text("utf-8"))
    volumes = content["services"]["model-server"]["volumes"]
    (source,) = (volume["source"] for volume in volumes if volume["target"] == "/models/taxi")
    assert not Path(source).is_absolute()
    assert (folder / source).resolve() == tmp_path / "var" / "taxi" / "serving" / "taxi"


def test_a_dollar_in_a_path_is_no_variable(tmp_path: Path) -> None:
    """Compose would put a variable in place of a word behind $; a path that has one is written with two."""
    work = tmp_path / "$HOME"
    done = penstock("deploy", TAXI, "-t", "compose", "-o", "out", "--workdir", work, cwd=tmp_path)
    assert done.returncode == 0
    assert "source: ../$$HOME/taxi/serving/taxi\n" in (tmp_path / "out" / "compose.yaml").read_text("utf-8")


def test_an_edited_file_is_not_overwritten(tmp_path: Path) -> None:
    """What was edited stays, is named, and the command ends with 2; --force overwrites it; the same is no clash."""
    line = ("deploy", TAXI, "-t", "compose", "-o", "out")
    assert penstock(*line, cwd=tmp_path).returncode == 0
    assert penstock(*line, cwd=tmp_path).returncode == 0
    file = tmp_path / "out" / "compose.yaml"
    file.write_text("mine\n", encoding="utf-8")
    refused = penstock(*line, cwd=tmp_path)
    assert (refused.returncode, file.read_text("utf-8")) == (2, "mine\n")
    assert "out/compose.yaml: already there" in refused.stderr
    assert penstock(*line, "--force", cwd=tmp_path).returncode == 0
    assert "model-server" in file.read_text("utf-8")


@pytest.mark.parametrize(
    "line", ["deploy configs/taxi.yaml", "deploy configs/taxi.yaml --target swarm", "deploy -t kserve"]
)
def test_wrong_usage_ends_with_2(line: str) -> None:
    """Without a target or a configuration, or with a target that is none, it ends with 2 and says so."""
    done = penstock(*line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_manifests_are_written_without_tensorflow() -> None:
    """No heavy module is imported."""
    assert _heavy_modules_after("deploy", str(TAXI), "-t", "kubernetes", "--dry-run") == "0 []"
