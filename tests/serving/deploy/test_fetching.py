"""How versions come from S3: the very script, run by sh with rclone, from a folder that stands for the bucket."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from serving.deploy.fetching import QUIET_SECONDS, SCRIPT, pick
from serving.settings import Serving
from tests.serving.deploy.cases import of_kind, rendered

needs_rclone = pytest.mark.skipif(not shutil.which("rclone"), reason="rclone is not installed")


def upload(bucket: Path, *versions: int, seconds_ago: float = QUIET_SECONDS * 2) -> None:
    """Puts versions into the bucket that were finished some time ago."""
    for version in versions:
        file = bucket / str(version) / "variables" / "index"
        file.parent.mkdir(parents=True)
        for name in (file, bucket / str(version) / "saved_model.pb"):
            name.write_text(f"{version}")
            os.utime(name, (time.time() - seconds_ago,) * 2)


def fetch(bucket: Path, models: Path, **serving: object) -> subprocess.CompletedProcess[str]:
    """Runs the script once; where it would wait and try again, the wait fails, and so ends it."""
    models.mkdir(exist_ok=True)
    script = SCRIPT.replace("sleep 30; done", "exit 9; done", 1)
    environment = os.environ | {"SOURCE": str(bucket), "MODELS": str(models)}
    environment["PICK"] = pick(Serving.model_validate(serving))
    return subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def versions_in(models: Path) -> set[str]:
    """Returns what lies in the folder."""
    return {path.name for path in models.iterdir()}


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A bucket with three versions, and what is none."""
    upload(tmp_path / "bucket", 9, 10, 100)
    (tmp_path / "bucket" / "notes").mkdir()
    return tmp_path / "bucket"


@needs_rclone
@pytest.mark.parametrize(
    ("serving", "expected"),
    [({}, {"100"}), ({"latest_versions": 2}, {"100", "10"}), ({"versions": [9, 10]}, {"9", "10"})],
)
def test_the_versions_that_are_asked_for_come(
    bucket: Path, tmp_path: Path, serving: dict[str, object], expected: set[str]
) -> None:
    """The latest by number, or just those that are named, come whole, and nothing else."""
    done = fetch(bucket, tmp_path / "models", **serving)
    assert (done.returncode, done.stderr) == (0, "") or "Config file" in done.stderr
    assert versions_in(tmp_path / "models") == expected
    for version in expected:
        assert (tmp_path / "models" / version / "variables" / "index").read_text() == version


@needs_rclone
def test_a_newer_version_takes_the_place_of_the_older(bucket: Path, tmp_path: Path) -> None:
    """What is no longer asked for is removed once the new version is here."""
    fetch(bucket, tmp_path / "models")
    upload(bucket, 101)
    fetch(bucket, tmp_path / "models")
    assert versions_in(tmp_path / "models") == {"101"}


@needs_rclone
def test_a_version_on_its_way_up_waits(bucket: Path, tmp_path: Path) -> None:
    """A version whose files are a few seconds old may lack some; the one that is here stays till then."""
    fetch(bucket, tmp_path / "models")
    upload(bucket, 101, seconds_ago=1)
    assert fetch(bucket, tmp_path / "models").returncode == 9
    assert versions_in(tmp_path / "models") == {"100"}


@needs_rclone
@pytest.mark.parametrize("is_there", [True, False])
def test_a_bucket_without_versions_takes_nothing_away(bucket: Path, tmp_path: Path, *, is_there: bool) -> None:
    """Where the bucket is empty or cannot be read, what is here stays, and it is tried again."""
    fetch(bucket, tmp_path / "models")
    shutil.rmtree(bucket)
    if is_there:
        bucket.mkdir()
    assert fetch(bucket, tmp_path / "models").returncode == 9
    assert versions_in(tmp_path / "models") == {"100"}


def test_the_pods_bring_the_versions_before_they_start_the_server() -> None:
    """One container brings them once, one that lives as long as the server follows; the server may only read."""
    pod = of_kind(rendered("kubernetes-s3"), "Deployment")["spec"]["template"]["spec"]
    once, follow = pod["initContainers"]
    assert "restartPolicy" not in once
    assert (follow["restartPolicy"], follow["command"][-1]) == ("Always", "follow")
    (mount,) = (mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "models")
    assert mount["readOnly"]
    assert not any(mount.get("readOnly") for mount in once["volumeMounts"] if mount["name"] == "models")
