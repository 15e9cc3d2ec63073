from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipeline.spec.forked import Forked, is_ours
from pipeline.spec.process import environment_for

OURS = ("python", "-m", "pipeline.container")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((*OURS, "--executor_class_path", "a.B"), True),
        (("python3", "-m", "pipeline.container"), True),
        (("python", "-m", "pipeline"), False),
        (("sh", "-c", "python -m pipeline.container"), False),
        (("python",), False),
        ((), False),
    ],
)
def test_only_our_own_entry_point_is_forked(words: tuple[str, ...], *, expected: bool) -> None:
    """Any other command is started as a program."""
    assert is_ours(words) is expected


@pytest.mark.parametrize("arguments", [(), ("--executor_class_path",), ("--executor_class_path", "no.such.Class")])
def test_a_fork_answers_as_the_command_does(arguments: tuple[str, ...]) -> None:
    """The same words end in the same exit code and the same paragraph."""
    environment = environment_for(os.environ)
    command = [sys.executable, "-m", "pipeline.container", *arguments]
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
    fork = Forked((*OURS, *arguments), environment)
    said = fork.stdout.read().decode()
    assert fork.wait() == done.returncode == 2
    assert said.splitlines()[-1] == done.stderr.splitlines()[-1]
    assert said.splitlines()[-1].startswith("penstock: ")
