from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from pipeline.doctor import (
    CHECKS,
    Check,
    check_compose,
    check_compose_gpu,
    check_kserve,
    check_kubernetes,
    check_packages,
    check_python,
    diagnose,
)
from tests.unit.samples import REPOSITORY

PENSTOCK = Path(sys.executable).with_name("penstock")
COMPOSE = 'case "$1 $2" in "compose version") echo 2.40.0 ;;'
ENGINE = 'case "$*" in "info"*Runtimes*) echo "{\\"runc\\":{}$NVIDIA}" ;; "info"*) echo 28.0 ;;'
CLUSTER = 'case "$*" in *current-context) echo prod ;; version*) [ -n "$UP" ] && echo v1.37 ;; "get crd"*) echo $CRD ;;'


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


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, for programs that answer as a test tells them to."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _install_program(folder: Path, name: str, *cases: str) -> None:
    """Puts a shell script onto the PATH: the cases that it answers, and a failure of any other."""
    body = "\n".join(f"{case} *) false ;; esac && exit 0" for case in cases)
    (folder / name).write_text(f"#!/bin/sh\n{body}\nexit 1\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def test_compose_needs_its_plugin_and_an_engine(programs: Path) -> None:
    """Without the plugin it says so, with the plugin alone that the engine is to be started, with both it is well."""
    assert (check_compose().is_well, check_compose().found) == (False, "no docker compose")
    _install_program(programs, "docker", COMPOSE)
    assert (check_compose().is_well, check_compose().advice) == (False, "start the Docker engine")
    _install_program(programs, "docker", COMPOSE, ENGINE)
    assert (check_compose().is_well, check_compose().found) == (True, "compose 2.40.0")


def test_compose_on_a_gpu_needs_a_gpu_that_docker_knows(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU must be there, and be one of Docker's runtimes."""
    _install_program(programs, "docker", COMPOSE, ENGINE)
    assert check_compose_gpu().found == "no GPU"
    _install_program(programs, "nvidia-smi", 'case "$1" in --query-gpu*) echo L4 ;;')
    assert "nvidia-container-toolkit" in check_compose_gpu().advice
    monkeypatch.setenv("NVIDIA", ',"nvidia":{}')
    assert check_compose_gpu().is_well


def test_kubernetes_needs_a_cluster_that_answers(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client must be there, have a context, and its cluster must answer; each that lacks is named."""
    assert check_kubernetes().found == "no kubectl"
    _install_program(programs, "kubectl")
    assert check_kubernetes().found == "kubectl without a context"
    _install_program(programs, "kubectl", CLUSTER)
    assert (check_kubernetes().is_well, check_kubernetes().found) == (False, "context prod, which does not answer")
    monkeypatch.setenv("UP", "1")
    assert (check_kubernetes().is_well, check_kubernetes().found) == (True, "context prod")


def test_kserve_needs_its_resource_in_the_cluster(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster without KServe is told from one with it."""
    _install_program(programs, "kubectl", CLUSTER)
    monkeypatch.setenv("UP", "1")
    assert check_kserve().found == "context prod, without KServe"
    monkeypatch.setenv("CRD", "inferenceservices")
    assert check_kserve().is_well
