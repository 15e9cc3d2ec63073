from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from schema.errors import UsageError
from tests.container.pod import COUNTER_SPEC, EXAMPLES, Pod, words
from tests.unit.samples import REPOSITORY

PATIENCE = 300  # seconds after which a test that would hang fails instead
USERS_CODE = """from pipeline.container.fakes import Counter_Executor


class Executor(Counter_Executor):
    pass
"""


def start(pod: Pod, given: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs the entry point as a container does: from the root folder, the code found by PYTHONPATH."""
    environment = os.environ | pod.environment | {"PYTHONPATH": f"{REPOSITORY}:{pod.root}/code"}
    return subprocess.run(
        [sys.executable, "-m", "pipeline.container", *given],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_step_in_a_process_of_its_own(tmp_path: Path) -> None:
    """`python -m pipeline.container` runs a user's executor, and says on standard error how it went."""
    pod = Pod(tmp_path)
    pod.put(f"{EXAMPLES}/part")
    pod.put("code/users_module.py", USERS_CODE)
    invocation = pod.invocation("kubeflow_counter")
    ended = start(pod, words("--executor_class_path", "users_module.Executor", invocation, COUNTER_SPEC))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert "INFO penstock.container: users_module.Executor: begins\n" in ended.stderr
    assert pod.json("tmp/kfp_outputs/output_metadata.json")["parameterValues"] == {"rows": 90}


def test_the_exit_code_is_the_processs(tmp_path: Path) -> None:
    """A process that is started with nothing ends with exit code 2 and one paragraph, no traceback."""
    ended = start(Pod(tmp_path), [])
    assert ended.returncode == UsageError.exit_code
    assert ended.stderr.startswith("penstock: python -m pipeline.container: the following arguments are required")
    assert ended.stderr.count("\n") == 1
