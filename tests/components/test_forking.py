from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from components.forking import is_fresh
from tests.unit.samples import REPOSITORY

FORKS = """
import os, sys
from pathlib import Path
from components.forking import ForkedModule, is_fresh, say_fresh
say_fresh()
print(is_fresh(), os.fork() and (os.wait()[1] == 0) or os._exit(is_fresh()))
process = ForkedModule("{module}", ["one", "two"], Path(sys.argv[1]))
process.wait()
print(process.poll(), process.returncode)
"""
SAYS = """
import sys
print(__name__, sys.argv[1:])
print("a complaint", file=sys.stderr)
sys.exit(3)
"""
LEAVES = """
import os, sys, time
from pathlib import Path
from components.forking import ForkedModule, say_fresh
say_fresh()
process = ForkedModule("{module}", [], Path(sys.argv[1]))
while not Path(sys.argv[1]).exists() or not Path(sys.argv[1]).read_text():
    time.sleep(0.01)
os.kill(os.getpid(), 9)
"""
SLEEPS = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def run(script: str, module: str, folder: Path) -> tuple[str, Path]:
    """Runs a script that forks a module in `folder`; returns what it says, and the log."""
    (folder / "a_module.py").write_text(module)
    log = folder / "log"
    command = [sys.executable, "-c", script.format(module="a_module"), str(log)]
    variables = os.environ | {"PYTHONPATH": f"{folder}:{REPOSITORY}"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False, timeout=60)
    return done.stdout + done.stderr, log


def test_a_module_runs_in_a_fork_as_a_command_would(tmp_path: Path) -> None:
    """It is __main__, has its arguments, its output in the log and its exit code; a fork of the fresh is not fresh."""
    said, log = run(FORKS, SAYS, tmp_path)
    assert said == "True True\n3 3\n"
    assert sorted(log.read_text().splitlines()) == ["__main__ ['one', 'two']", "a complaint"]


def test_a_fork_ends_with_who_forked_it(tmp_path: Path) -> None:
    """A kill -9 of the one ends the other."""
    said, log = run(LEAVES, SLEEPS, tmp_path)
    assert said == ""
    assert not Path("/proc", log.read_text().strip()).exists() or is_ending(int(log.read_text()))


def is_ending(process: int) -> bool:
    """Whether a process is on its way out: the kernel's signal may take a moment."""
    status = subprocess.run(["timeout", "30", "tail", f"--pid={process}", "-f", "/dev/null"], check=False)
    return status.returncode == 0


def test_a_process_is_not_fresh_unless_somebody_says_so() -> None:
    """By default a model server is a command of its own."""
    assert not is_fresh()
