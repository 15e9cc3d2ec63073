"""`penstock` without its start-up: a process that has imported TFX and forks for each command.

Importing takes nine seconds of a core, and these tests give about a hundred commands. Everything else is as the console
script has it: a process of its own for each command, with its arguments, folder, output and exit code. Tests that send
signals, and those of tests/unit/test_cli.py, start the script itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

REPOSITORY = Path(__file__).parents[2]
_started: list[subprocess.Popen[str]] = []


def penstock(words: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Returns what `penstock WORDS` comes to in a folder."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.TemporaryDirectory() as aside:
        out, err = Path(aside, "out"), Path(aside, "err")
        asked = {"words": words, "folder": str(folder), "out": str(out), "err": str(err), "variables": dict(os.environ)}
        process.stdin.write(f"{json.dumps(asked)}\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        return subprocess.CompletedProcess(
            ["penstock", *words], code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        )


def _process() -> subprocess.Popen[str]:
    if not _started:
        command = [sys.executable, "-m", "tests.e2e.warm"]
        pipe = subprocess.PIPE
        _started.append(
            subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        )
    return _started[0]


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    import pipeline.container.driver_step
    import pipeline.container.executor_step
    import pipeline.dag  # noqa: F401  # what all commands import

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _become(asked)
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _become(asked: dict[str, Any]) -> NoReturn:
    """Makes this process the console script."""
    os.environ.clear()
    os.environ.update(asked["variables"])
    os.chdir(asked["folder"])
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    for descriptor, file in ((1, asked["out"]), (2, asked["err"])):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", closefd=False) for descriptor in (1, 2))
    sys.argv = ["penstock", *asked["words"]]
    from pipeline.cli import main

    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # what the interpreter does with an error that nobody caught
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
