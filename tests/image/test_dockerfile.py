"""kubeflow/Dockerfile agrees with the project. Whether it builds is for test_record.py to say, as root."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.image.dockerfile import Instruction, Stage, parse
from tests.image.locks import LOCK, pins
from tests.image.proof import DOCKERFILE, TOP


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    """The stages by name."""
    return {stage.name: stage for stage in parse(DOCKERFILE.read_text("utf-8"))}


def of(stage: Stage, keyword: str) -> list[Instruction]:
    """Returns the instructions of a kind."""
    return [one for one in stage.instructions if one.keyword == keyword]


def variables(stage: Stage) -> dict[str, str]:
    """Returns what a stage's ENV lines say."""
    return {name: value for one in of(stage, "ENV") for name, value in one.pairs.items()}


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path of the project from Docker; of its syntax it uses names and **/names."""
    lines = [line for line in (TOP / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    top = Path(path).parts[0]
    return any(line == top or (line.startswith("**/") and Path(path).match(line[3:])) for line in lines)


def test_what_is_copied_exists(stages: dict[str, Stage]) -> None:
    """Each file and folder that a stage takes from the project is there, and Docker is not told to ignore it."""
    copied = [
        path
        for stage in stages.values()
        for one in of(stage, "COPY")
        if "from" not in one.flags
        for path in one.words[:-1]
    ]
    assert len(copied) > 5
    assert [path for path in copied if not (TOP / path).exists() or ignored(path)] == []


def test_what_comes_from_another_stage_names_one_above(stages: dict[str, Stage]) -> None:
    """Each COPY --from names a stage that stands before it."""
    names = list(stages)
    for at, stage in enumerate(stages.values()):
        assert {one.flags["from"] for one in of(stage, "COPY") if "from" in one.flags} <= set(names[:at])


def test_the_image_has_every_package_of_the_project(stages: dict[str, Stage]) -> None:
    """What setup.py would install is copied, and so are the configurations."""
    copied = {path for one in of(stages["builder"], "COPY") for path in one.words[:-1]}
    named = re.findall(r'"(\w+)\*"', (TOP / "setup.py").read_text("utf-8"))
    wanted = {name for name in named if (TOP / name / "__init__.py").exists()}
    assert {"pipeline", "components", "serving", "schema"} <= wanted
    assert wanted | {"configs", "setup.py"} <= copied


def test_every_step_is_one_that_the_script_has(stages: dict[str, Stage]) -> None:
    """The builder's RUN lines are install.sh's steps, each once, so that the proof runs the same ones."""
    run = [one.text.removeprefix("/build/kubeflow/install.sh ") for one in of(stages["builder"], "RUN")]
    assert run == ["tools", "environment", "slim", "project"]
    script = (TOP / "kubeflow" / "install.sh").read_text("utf-8")
    assert all(re.search(rf"^{step}\(\)", script, re.MULTILINE) for step in run)


def test_an_unknown_step_or_variant_is_refused() -> None:
    """install.sh says what is legal."""
    script = TOP / "kubeflow" / "install.sh"
    for words, variant, said in (
        (["instal"], "cpu", "Legal are tools, environment"),
        (["environment"], "tpu", "cpu and gpu"),
    ):
        done = subprocess.run(
            [script, *words], env=os.environ | {"VARIANT": variant}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert said in done.stderr


def test_the_stages_stand_on_the_right_images(stages: dict[str, Stage]) -> None:
    """Python is 3.11 on trixie (glibc 2.41), the same one to build and to run; Beam's boot is of the locked Beam."""
    assert stages["builder"].image == stages["penstock"].image
    assert re.fullmatch(r"python:3\.11[\w.]*-slim-trixie(@sha256:\w+)?", stages["penstock"].image)
    assert stages["beam"].image == f"apache/beam_python3.11_sdk:{pins(LOCK)['apache-beam']}"


def test_the_image_is_not_roots(stages: dict[str, Stage]) -> None:
    """The last USER is a number that is not 0, and its folder is where it may write."""
    last = list(stages)[-1]
    *_, user = of(stages[last], "USER")
    assert all(int(part) > 0 for part in user.words[0].split(":"))
    made = " ".join(one.text for one in of(stages[last], "RUN"))
    assert f"--uid {user.words[0].split(':')[0]}" in made
    assert of(stages[last], "WORKDIR")[-1].words[0] in made.split()


def test_python_finds_the_code_and_writes_no_bytecode(stages: dict[str, Stage]) -> None:
    """`python` is the environment's, the code is found from any folder, and a root that is read only suffices."""
    told = variables(stages["penstock"])
    assert told["PYTHONPATH"] == "/pipeline"
    assert told["PATH"].split(":")[0] == "/opt/venv/bin"
    assert told["PYTHONDONTWRITEBYTECODE"] == "1"
    assert told["RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT"] == "1"


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["echo", "a b"], "a b\n"), (["--id=1-1", "--worker_pool"], "boot --id=1-1 --worker_pool\n")],
)
def test_the_entry_point_tells_workers_from_commands(words: list[str], expected: str, tmp_path: Path) -> None:
    """Options alone go to Beam's boot, anything else is a command."""
    script = (TOP / "kubeflow" / "entrypoint.sh").read_text("utf-8")
    boot = tmp_path / "boot"
    boot.write_text('#!/bin/sh\necho boot "$@"\n')
    boot.chmod(0o755)
    (tmp_path / "entrypoint.sh").write_text(script.replace("/opt/apache/beam/boot", str(boot)))
    done = subprocess.run(["sh", tmp_path / "entrypoint.sh", *words], capture_output=True, text=True, check=True)
    assert done.stdout == expected
