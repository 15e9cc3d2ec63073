from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.samples import REPOSITORY, TAXI, minimal, write

PENSTOCK = Path(sys.executable).with_name("penstock")
HEAVY = (
    "tensorflow",
    "tfx",
    "apache_beam",
    "tensorflow_model_analysis",
    "ml_metadata",
    "keras",
    "pandas",
    "rich.table",
)
MODULES_AFTER = """
import sys
from pipeline.cli import main
try:
    main()
except SystemExit as end:
    heavy = [name for name in {heavy} if name in sys.modules]
    print(end.code, heavy, file=sys.stderr)
else:
    heavy = [name for name in {heavy} if name in sys.modules]
    print(0, heavy, file=sys.stderr)
"""


def penstock(*words: str | Path, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """Runs the console script, as a person does."""
    return subprocess.run([PENSTOCK, *words], capture_output=True, text=True, check=False, cwd=cwd)


def _heavy_modules_after(*words: str) -> str:
    """The exit code of a command line, and the heavy modules that it imported."""
    code = MODULES_AFTER.format(heavy=HEAVY)
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    return done.stderr.splitlines()[-1]


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A configuration file with a misspelt key."""
    return write(tmp_path / "wrong.yaml", minimal(probelm="binary"))


def test_help_lists_the_commands() -> None:
    """--help names the commands, each with what it does."""
    done = penstock("--help")
    assert done.returncode == 0
    listed = {line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines() if len(line.split()) > 1}
    assert listed >= {"run", "validate", "predict", "runs", "doctor"}


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("run", ["CONFIG...", "--set", "--workdir", "--runner", "--resume", "--no-cache", "--json"]),
        ("validate", ["CONFIG...", "--set", "--json"]),
        ("predict", ["CONFIG...", "--input", "--via", "--server", "--workdir"]),
        ("serve", ["CONFIG...", "--port", "--rest-port", "--dry-run", "--workdir"]),
        ("runs list", ["CONFIG...", "--workdir", "--json"]),
        ("runs show", ["CONFIG...", "--workdir", "--json"]),
        ("doctor", ["--json"]),
    ],
)
def test_the_options_of_the_contract_are_there(command: str, options: list[str]) -> None:
    """Each command's help names the options that the design promises of it."""
    done = penstock(*command.split(), "--help")
    assert done.returncode == 0
    assert [option for option in options if option not in done.stdout] == []


def test_the_version_is_told() -> None:
    """--version prints the version that is installed."""
    done = penstock("--version")
    assert (done.returncode, done.stdout.split()[-1]) == (0, "0.1.0")


@pytest.mark.parametrize(
    "line",
    [
        "rnu configs/taxi.yaml",
        "run",
        "run configs/taxi.yaml --fast",
        "run configs/taxi.yaml --set",
        "run configs/taxi.yaml --set epochs",
        "predict configs/taxi.yaml",
        "predict configs/taxi.yaml --input rows.csv --limit 0",
        "predict configs/taxi.yaml --input rows.csv --via pigeon",
        "runs",
        "runs delete",
        "doctor configs/taxi.yaml",
    ],
)
def test_wrong_usage_ends_with_2(line: str) -> None:
    """A command line that is wrong ends with exit code 2, says so on standard error, and prints no traceback."""
    done = penstock(*line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "validate", "runs list", "runs show", "predict --input rows.csv"])
def test_a_wrong_configuration_ends_with_2(wrong: Path, command: str) -> None:
    """Each command that takes a configuration tells what is wrong with it in one paragraph, and ends with 2."""
    done = penstock(*command.split(), wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"penstock: {wrong}: unknown key 'probelm'. Did you mean 'problem'?\n"


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_traceback(wrong: Path, place: str) -> None:
    """With --debug, wherever it stands on the line, the traceback comes before the paragraph."""
    done = penstock("--debug", "validate", wrong) if place == "before" else penstock("validate", wrong, "--debug")
    assert done.returncode == 2
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"penstock: {wrong}: unknown key 'probelm'.")


def test_a_missing_configuration_is_named() -> None:
    """A configuration file that does not exist is told by its name, with exit code 2."""
    done = penstock("run", "configs/none.yaml")
    assert done.returncode == 2
    assert done.stderr == "penstock: configs/none.yaml: there is no such configuration file.\n"


@pytest.mark.parametrize("command", ["runs list", "runs show"])
def test_what_has_not_run_has_no_runs(tmp_path: Path, command: str) -> None:
    """Asked for the runs of a pipeline that has not run there, it says so and makes no folder."""
    done = penstock(*command.split(), TAXI, cwd=tmp_path)
    assert done.returncode == 2
    assert "'taxi' has not run there" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_pushed_cannot_be_asked(tmp_path: Path) -> None:
    """Asked for predictions before a push, it names the command that pushes, and ends with 2."""
    done = penstock("predict", TAXI, "--input", "rows.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert f"penstock run {TAXI}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_validate_prints_the_steps_and_touches_nothing(tmp_path: Path) -> None:
    """`validate --json` prints one JSON object with the steps, and leaves the current folder as it was."""
    done = penstock("validate", TAXI, "--json", cwd=tmp_path)
    assert done.returncode == 0
    answer: dict[str, Any] = json.loads(done.stdout)
    assert (answer["pipeline"], answer["valid"]) == ("taxi", True)
    assert answer["steps"][0] == "ExampleGen"
    assert answer["steps"][-1] == "Report"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["--help", "run --help", "runs --help", "run", "run configs/none.yaml", "rnu"])
def test_tensorflow_waits_until_a_command_needs_it(line: str) -> None:
    """Help, wrong usage and a wrong configuration are answered without TensorFlow, TFX or Beam being imported."""
    code = 0 if "--help" in line else 2
    assert _heavy_modules_after(*line.split()) == f"{code} []"


def test_doctor_answers_in_json() -> None:
    """`doctor --json` prints a list of checks, each with name, finding and advice."""
    checks = json.loads(penstock("doctor", "--json").stdout)
    assert {"name", "is_well", "found", "advice", "needed"} <= set(checks[0])
    assert any(check["name"] == "Python" for check in checks)
