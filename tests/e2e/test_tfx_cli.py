"""TFX's own command line on the files of kubeflow/tfx_cli, from a folder that has nothing to do with the pipeline."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PENSTOCK, REPOSITORY, Folder, make_folder

pytestmark = pytest.mark.e2e
QUICK = """
features: [{column: fare, role: numeric}, {column: payment_type, role: categorical}]
model: {epochs: 2, trees: 0}
evaluation: {slices: [], slice_bars: [], bars: {auc: {min: 0.5}}}
"""
CODE = re.compile(r'(\\*"code\\*": \\*")(<hash>|[0-9a-f-]+)')
Ended = dict[str, Any]
Words = dict[str, tuple[str, ...]]
Commands = dict[str, tuple[tuple[str, ...], dict[str, str]]]  # words, and variables of their own, by a name


@dataclass
class Session:
    """A user of `tfx`, who is in another folder than the pipeline, and what the commands came to."""

    folder: Folder
    home: Path
    here: Path
    ended: dict[str, Ended] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the README says, and `pip` first on the PATH, which `tfx` wants."""
        files = os.pathsep.join(str(self.folder.path / name) for name in ("small.yaml", "quick.yaml"))
        path = os.pathsep.join((str(PENSTOCK.parent), os.environ["PATH"]))
        workdir = str(self.folder.path / "var")
        return os.environ | {
            "HOME": str(self.home), "PATH": path, "PENSTOCK_CONFIG": files, "PENSTOCK_WORKDIR": workdir,
        }  # fmt: skip

    def tfx(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs one command, in a process of its own."""
        command = [str(PENSTOCK.with_name("tfx")), *words]
        return subprocess.run(command, cwd=self.here, env=self.environment, capture_output=True, text=True, check=False)

    def run_all(self, commands: Commands) -> None:
        """Runs commands in one process, and keeps what each came to by its name."""
        out = self.home / "ended.json"
        done = subprocess.run(
            [sys.executable, "-m", "tests.e2e.tfx_commands", str(out)],
            cwd=self.here,
            env=self.environment | {"PYTHONPATH": str(REPOSITORY)},
            input=json.dumps(list(commands.values())),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for name, one in zip(commands, json.loads(out.read_text(encoding="utf-8")), strict=True):
            self.ended[name] = one | {"log": done.stdout + done.stderr}

    def said(self, name: str) -> str:
        """What a command printed, which must have succeeded."""
        one = self.ended[name]
        assert one["exit_code"] == 0, f"{one['said']}\n{one['log']}"
        return str(one["said"])


def dsl(engine: str) -> str:
    """The option that names an engine's file."""
    return f"--pipeline_path={REPOSITORY / 'kubeflow' / 'tfx_cli' / f'{engine}_runner.py'}"


NAME = "--pipeline_name=small"
COMMANDS: Words = {
    "list": ("pipeline", "list", "--engine=local"),
    "create twice": ("pipeline", "create", "--engine=local", dsl("local")),
    "update": ("pipeline", "update", "--engine=local", dsl("local")),
    "compile": ("pipeline", "compile", "--engine=local", dsl("local")),
    "schema too early": ("pipeline", "schema", "--engine=local", NAME),
    "run": ("run", "create", "--engine=local", NAME),
    "schema": ("pipeline", "schema", "--engine=local", NAME),
    "delete": ("pipeline", "delete", "--engine=local", NAME),
    "list none": ("pipeline", "list", "--engine=local"),
    "beam create": ("pipeline", "create", "--engine=beam", dsl("beam")),
    "beam delete": ("pipeline", "delete", "--engine=beam", NAME),
}
TAXI = "--pipeline_name=taxi"
ON_VERTEX: Words = {
    "vertex create": ("pipeline", "create", "--engine=vertex", dsl("vertex")),
    "vertex update": ("pipeline", "update", "--engine=vertex", dsl("vertex")),
    "vertex schema": ("pipeline", "schema", "--engine=vertex", TAXI),
    "vertex run": ("run", "create", "--engine=vertex", TAXI),
    "vertex compile": ("pipeline", "compile", "--engine=vertex", dsl("vertex")),
    "vertex delete": ("pipeline", "delete", "--engine=vertex", TAXI),
}
REFUSED: Words = {"no image": ("pipeline", "create", "--engine=vertex", dsl("vertex"))}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """All commands, once: the first as a process, as a person would type it, the others together."""
    top = tmp_path_factory.mktemp("tfx")
    folder = make_folder(top / "small")
    (folder.path / "quick.yaml").write_text(QUICK)
    session = Session(folder, top / "home", top / "elsewhere")
    session.home.mkdir()
    session.here.mkdir()
    done = session.tfx("pipeline", "create", "--engine=local", dsl("local"))
    session.ended["create"] = {"exit_code": done.returncode, "said": done.stdout, "log": done.stderr}
    by_variables: tuple[tuple[Words, dict[str, str]], ...] = (
        (COMMANDS, {}),
        (ON_VERTEX, {"PENSTOCK_CONFIG": ""}),
        (REFUSED, {"PENSTOCK_CONFIG": str(folder.path / "small.yaml")}),
    )
    session.run_all({name: (words, own) for commands, own in by_variables for name, words in commands.items()})
    return session


def test_a_pipeline_is_created_listed_updated_and_deleted(session: Session) -> None:
    """The CLI's own store of pipelines takes ours, and refuses to create it twice."""
    assert 'Pipeline "small" created successfully.' in session.said("create")
    assert "\nsmall\n" in session.said("list")
    assert session.ended["create twice"]["exit_code"] == 1
    assert 'Pipeline "small" already exists.' in session.ended["create twice"]["said"]
    assert 'Pipeline "small" updated successfully.' in session.said("update")
    assert "Pipeline compiled successfully." in session.said("compile")
    assert 'Pipeline "small" deleted successfully.' in session.said("delete")
    assert "small" not in session.said("list none")


def test_a_run_pushes_a_model(session: Session) -> None:
    """`tfx run create` runs the DAG by TFX's LocalDagRunner; it prints what `penstock run` would at its end."""
    session.said("run")
    assert len(session.folder.versions) == 1
    assert "pushed version" in session.ended["run"]["log"]


def test_penstock_knows_of_the_run(session: Session) -> None:
    """The run is in the same folder, with the same names, as one of `penstock run`."""
    shown = session.folder.penstock("runs", "show", "small.yaml", "quick.yaml", "--json")
    summary = json.loads(shown.stdout)
    assert summary["version"] == session.folder.versions[0]
    assert {step["state"] for step in summary["steps"]} == {"done"}


def test_the_schema_is_shown(session: Session) -> None:
    """`tfx pipeline schema` needs a run, then prints the curated schema and copies it into the current folder."""
    assert session.ended["schema too early"]["exit_code"] == 1
    assert "Create a run before inferring schema" in session.ended["schema too early"]["said"]
    assert 'name: "payment_type"' in session.said("schema")
    assert 'name: "payment_type"' in (session.here / "schema.pbtxt").read_text(encoding="utf-8")


def test_the_beam_engine_takes_it(session: Session) -> None:
    """The same pipeline under --engine=beam."""
    assert 'Pipeline "small" created successfully.' in session.said("beam create")
    assert 'Pipeline "small" deleted successfully.' in session.said("beam delete")


def test_the_vertex_engine_takes_it(session: Session) -> None:
    """Under --engine=vertex the pipeline is what `penstock compile --target vertex` writes; its schema can be shown."""
    assert 'Pipeline "taxi" created successfully.' in session.said("vertex create")
    assert 'Pipeline "taxi" updated successfully.' in session.said("vertex update")
    assert 'name: "payment_type"' in session.said("vertex schema")
    assert "Please set GCP project id with --project flag." in session.ended["vertex run"]["said"]
    assert "compiled successfully" in session.said("vertex compile")
    session.said("vertex delete")
    job = json.loads((session.here / "pipeline.json").read_text(encoding="utf-8"))
    golden = json.loads((REPOSITORY / "tests" / "golden" / "targets" / "taxi.vertex.json").read_text(encoding="utf-8"))
    assert _without_code(job) == _without_code(golden)


def _without_code(job: Any) -> str:
    """A job without the hashes of the code that its steps run."""
    return CODE.sub("", json.dumps(job, sort_keys=True))


def test_what_vertex_cannot_run_is_told(session: Session) -> None:
    """A configuration that lacks what Vertex needs ends with exit code 2, and no traceback."""
    refused = session.ended["no image"]
    assert refused["exit_code"] == 2
    assert "'image' is missing" in refused["said"]
    assert "Traceback" not in refused["said"]


def test_nothing_is_written_elsewhere(session: Session) -> None:
    """The CLI's store is in the user's home, a run's files are in the workdir, and here is only what was asked for."""
    kept = [path.name for path in session.home.iterdir() if not path.name.startswith(".")]  # not libraries' caches
    assert sorted(kept) == ["ended.json", "tfx"]
    assert sorted(path.name for path in session.here.iterdir()) == ["pipeline.json", "schema.pbtxt"]
