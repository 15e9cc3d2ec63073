"""scripts/install.sh where it cannot help: the error names the cause and the way out, and nothing is made."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FILES = ("requirements.lock", "setup.py", "scripts/install.sh")
TOOLS = ("bash", "cat", "cut", "dirname", "grep", "head", "sha256sum", "sort")


class Machine:
    """A checkout, and a PATH on which only the named tools and answers stand."""

    def __init__(self, folder: Path) -> None:
        self._checkout, self._path = folder / "checkout", folder / "bin"
        self._path.mkdir()
        for name in FILES:
            (self._checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, self._checkout / name)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self._path / tool).symlink_to(found)
        self.answers("uname", 'case "$1" in -s) echo Linux;; -m) echo x86_64;; esac')
        self.answers("getconf", "echo glibc 2.36")

    def answers(self, tool: str, script: str) -> None:
        """Puts a tool on PATH that is this shell script."""
        file = self._path / tool
        file.write_text(f"#!{shutil.which('bash')}\n{script}\n")
        file.chmod(0o755)

    def refusal(self, python: str = sys.executable) -> str:
        """What the script says; it must fail, and make nothing."""
        command = [str(self._path / "bash"), str(self._checkout / "scripts" / "install.sh")]
        environment = {"PATH": str(self._path), "PYTHON": python}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert not (self._checkout / ".venv").exists()
        return done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Debian 12 that has neither apt nor its keyring."""
    return Machine(tmp_path)


def test_a_machine_without_apt(machine: Machine) -> None:
    """An old glibc without apt cannot be helped: the error names the glibc, the lack, and a container image."""
    said = machine.refusal()
    assert "glibc 2.36 is older than 2.39" in said
    assert "no apt-get" in said
    assert "container image" in said


def test_a_machine_whose_apt_knows_no_mirror(machine: Machine) -> None:
    """An apt that names no Debian mirror cannot be asked for a newer runtime."""
    for tool in ("apt-get", "dpkg", "awk"):
        machine.answers(tool, "exit 0")
    said = machine.refusal()
    assert "mirror" in said or "keyring" in said
    assert "container image" in said


def test_another_architecture(machine: Machine) -> None:
    """TFX has no wheels for ARM: the error says what this machine is, and what would do."""
    machine.answers("uname", 'case "$1" in -s) echo Linux;; -m) echo aarch64;; esac')
    assert "Linux on aarch64" in machine.refusal()


@pytest.mark.parametrize("python", ["python3.11-that-is-not-there", "/bin/false"])
def test_no_python_311(machine: Machine, python: str) -> None:
    """Without a Python 3.11 the error names the interpreter that was tried, and how to name or install another."""
    said = machine.refusal(python)
    assert f"'{python}' is not a Python 3.11" in said
    assert "apt-get install python3.11" in said
    assert "PYTHON=" in said
