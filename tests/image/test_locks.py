"""What the image holds is what the locks pin: the project's, and the small one beside it for CUDA."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.image.locks import LOCK, pins
from tests.image.proof import TOP

GPU_LOCK = TOP / "kubeflow" / "requirements-gpu.lock"
LOCKED = TOP / "kubeflow" / "locked.py"


def test_the_gpu_lock_adds_nvidias_libraries_alone() -> None:
    """It pins nothing that requirements.lock pins too, only nvidia-*, each with hashes."""
    added = pins(GPU_LOCK)
    assert added
    assert all(name.startswith("nvidia-") for name in added)
    assert set(added).isdisjoint(pins(LOCK))
    blocks = re.split(r"^(?=nvidia-)", GPU_LOCK.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_gpu_lock_is_of_the_locked_tensorflow() -> None:
    """The libraries that TensorFlow's extra and-cuda names are the pinned ones, in versions that it allows."""
    assert version("tensorflow") == pins(LOCK)["tensorflow"]
    parsed = [Requirement(line) for line in requires("tensorflow") or []]
    wanted = [one for one in parsed if one.marker and one.marker.evaluate({"extra": "and-cuda"})]
    cuda = [one for one in wanted if not one.marker or not one.marker.evaluate({"extra": ""})]
    added = pins(GPU_LOCK)
    assert cuda
    assert [str(one) for one in cuda if added.get(one.name, "0") not in one.specifier] == []


def test_a_subset_of_a_lock_keeps_its_blocks(tmp_path: Path) -> None:
    """`locked.py take` gives the wanted pins with the lock's hashes, `add` those that the lock has not."""
    (tmp_path / "a.lock").write_text("a==1 \\\n    --hash=sha256:1\n    # via b\nB==2 \\\n    --hash=sha256:2\n")
    assert run_locked("take", tmp_path / "a.lock", "b==2\n") == (0, "B==2 \\\n    --hash=sha256:2\n")
    assert run_locked("add", tmp_path / "a.lock", "a==1\nc==3\n") == (0, "c==3\n")


@pytest.mark.parametrize(("wanted", "said"), [("a==2\n", "a==2: in no lock"), ("", "no line such as name==1.0")])
def test_a_subset_that_no_lock_has_is_refused(wanted: str, said: str, tmp_path: Path) -> None:
    """Another version than the lock's, or nothing at all, ends the build."""
    (tmp_path / "a.lock").write_text("a==1 \\\n    --hash=sha256:1\n")
    code, errors = run_locked("take", tmp_path / "a.lock", wanted)
    assert code == 1
    assert said in errors


def run_locked(verb: str, lock: Path, wanted: str) -> tuple[int, str]:
    """Runs kubeflow/locked.py, and returns its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, LOCKED, verb, lock], input=wanted, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr
