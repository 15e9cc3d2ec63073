from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from pipeline.doctor import CHECKS, Check, check_packages, check_python, diagnose
from tests.unit.samples import REPOSITORY

PENSTOCK = Path(sys.executable).with_name("penstock")


@pytest.fixture(scope="module")
def checks() -> list[Check]:
    """What the doctor finds on the machine that runs the tests."""
    return diagnose()


def _install_another(folder: Path, package: str, version: str) -> None:
    """Puts the metadata of another version of a package into a folder."""
    info = folder / f"{package}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8")


def test_every_check_has_a_name_of_its_own_and_a_finding(checks: list[Check]) -> None:
    """Each thing looked at is named once, with what was found of it."""
    assert len({check.name for check in checks}) == len(checks) == len(CHECKS)
    assert all(check.name and check.found for check in checks)


def test_whatever_lacks_comes_with_advice(checks: list[Check]) -> None:
    """Advice stands with each thing that lacks, and with no other."""
    assert [check.name for check in checks if bool(check.advice) is check.is_well] == []


def test_what_a_run_needs_is_marked(checks: list[Check]) -> None:
    """Python, the C libraries, the TFX set and the disk are needed; a model server, Docker and a GPU are not."""
    needed = {check.name for check in checks if check.needed}
    assert needed == {"Python", "glibc", "libstdc++", "TFX set", "free disk"}


def test_this_python_is_well() -> None:
    """The Python that runs the tests is the one that the lock file is for, and its version is told."""
    check = check_python()
    assert check.is_well
    assert check.found == ".".join(map(str, sys.version_info[:3]))


def test_the_packages_are_counted(checks: list[Check]) -> None:
    """The finding names the version of tfx."""
    found = next(check.found for check in checks if check.name == "TFX set")
    assert f"tfx {metadata.version('tfx')}," in found


def test_a_package_of_another_version_is_named(tmp_path: Path) -> None:
    """A package whose version is not the pinned one is told with both, and the doctor ends with exit code 1."""
    pinned = metadata.version("click")
    _install_another(tmp_path, "click", "0.0.1")
    done = subprocess.run(
        [PENSTOCK, "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    check = next(check for check in json.loads(done.stdout) if check["name"] == "TFX set")
    assert not check["is_well"]
    assert f"click 0.0.1 (pinned {pinned})" in check["advice"]
    assert done.returncode == 1
    assert "TFX set" in done.stderr


def test_the_locked_set_is_what_is_installed() -> None:
    """The packages that the tests run with are the pinned ones."""
    assert check_packages().advice == ""
