from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.submission.compiled import read_compiled
from schema.errors import UsageError
from tests.submission.samples import JOB, SPEC

WORDS = st.sampled_from(
    ["dag", "tasks", "a", "dependentTasks", "inputs", "artifacts", "parameters", "componentRef", "name"]
)
LEAVES = st.none() | st.integers() | st.text(max_size=3)
PLACES = [
    ("root",),
    ("root", "dag"),
    ("root", "dag", "tasks"),
    ("root", "dag", "tasks", "a"),
    ("root", "inputDefinitions"),
]
PLACES += [("root", "inputDefinitions", "parameters"), ("components",), ("components", "group"), ("pipelineInfo",)]


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(WORDS, inner, max_size=3) | st.lists(inner, max_size=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder, however many examples are tried."""
    return tmp_path_factory.mktemp("compiled")


def _spec(**root: Any) -> dict[str, Any]:
    return {"pipelineInfo": {"name": "p"}, "schemaVersion": "2.1.0", "root": root}


def _written(folder: Path, *documents: Any) -> Path:
    file = folder / "pipeline.yaml"
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return file


def _task(component: str, *after: str) -> dict[str, Any]:
    return {"componentRef": {"name": component}, "dependentTasks": list(after)}


@pytest.mark.parametrize(("file", "target"), [(SPEC, "kubeflow"), (JOB, "vertex")])
def test_the_file_tells_its_target(file: Path, target: str) -> None:
    """A bare spec is for Kubeflow, a PipelineJob for Vertex; both tell the name, the parameters and the steps."""
    compiled = read_compiled(file)
    assert (compiled.target, compiled.name, compiled.steps) == (target, "tiny", ("make", "train", "push"))
    assert {name: parameter.type for name, parameter in compiled.parameters.items()} == {
        "destination": "STRING",
        "layers": "LIST",
        "rate": "NUMBER_DOUBLE",
        "rows": "NUMBER_INTEGER",
        "verbose": "BOOLEAN",
    }
    assert [name for name, parameter in compiled.parameters.items() if parameter.is_required] == ["destination"]


def test_a_job_tells_its_root_and_its_values(tmp_path: Path) -> None:
    """What a PipelineJob gives a value is not required of a run, and its output folder is the root."""
    content = json.loads(JOB.read_text("utf-8"))
    content["runtimeConfig"]["parameterValues"] = {"destination": "/x"}
    file = tmp_path / "job.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    compiled = read_compiled(file)
    assert compiled.root == "gs://a-bucket/root"
    assert not compiled.parameters["destination"].is_required


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    """Comments and the order of keys do not change a version's name; a default does."""
    content = yaml.safe_load(SPEC.read_text("utf-8"))
    same = _written(tmp_path, dict(reversed(content.items())))
    assert read_compiled(same).version == read_compiled(SPEC).version
    content["root"]["inputDefinitions"]["parameters"]["rows"]["defaultValue"] = 11.0
    assert read_compiled(_written(tmp_path, content)).version != read_compiled(SPEC).version


def test_steps_of_inner_dags_are_steps(tmp_path: Path) -> None:
    """A task that is a DAG itself, as around an exit handler, stands for its own tasks, each behind what it needs."""
    inner = {"tasks": {"b": _task("leaf", "a"), "a": _task("leaf")}}
    spec = _spec(dag={"tasks": {"last": _task("leaf", "inside"), "inside": _task("group")}})
    spec["components"] = {"leaf": {"executorLabel": "x"}, "group": {"dag": inner}}
    assert read_compiled(_written(tmp_path, spec)).steps == ("a", "b", "last")


def test_no_cache_reaches_inner_dags(tmp_path: Path) -> None:
    """Without its cache every task says so, also inside; the platforms stay, and so does what was read."""
    spec = _spec(dag={"tasks": {"inside": _task("group")}})
    spec["components"] = {"group": {"dag": {"tasks": {"a": _task("leaf")}}}}
    platforms: dict[str, Any] = {"platforms": {"kubernetes": {}}}
    compiled = read_compiled(_written(tmp_path, spec, platforms))
    changed = compiled.without_cache()
    sent, beside = yaml.safe_load_all(changed.text)
    assert beside == platforms
    assert sent["root"]["dag"]["tasks"]["inside"]["cachingOptions"] == {"enableCache": False}
    assert sent["components"]["group"]["dag"]["tasks"]["a"]["cachingOptions"] == {"enableCache": False}
    assert compiled.documents[0] == spec
    assert changed.version != compiled.version


def test_a_circle_is_named(tmp_path: Path) -> None:
    """Tasks that wait for each other are told by name."""
    spec = _spec(dag={"tasks": {"a": _task("leaf", "b"), "b": _task("leaf", "a")}})
    with pytest.raises(UsageError, match=r"the tasks .*a.* wait for each other"):
        _ = read_compiled(_written(tmp_path, spec)).steps


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("[1, 2]", "a mapping is expected"),
        ("just words", "a mapping is expected"),
        ("a: [", "neither YAML nor JSON"),
        ('{"pipelineSpec": ', "neither YAML nor JSON"),
        ("{}", "it has no pipelineInfo.name"),
        ("pipelineSpec: 7", "it has no pipelineInfo.name"),
        ("pipelineInfo: {name: p}\nroot: {}", "it has no schemaVersion"),
        ("pipelineInfo: {name: p}\nschemaVersion: 2.1.0\nroot: {dag: 1}", "it has no root.dag.tasks"),
        ("apiVersion: argoproj.io/v1alpha1\nkind: Workflow", "Compile it with kfp 2"),
        ("apiVersion: v1\nkind: Service", "a Kubernetes Service"),
        ("name: taxi\ndata: {}\nfeatures: []", "penstock compile FILE"),
        ("pipelineInfo: {name: p}\nschemaVersion: 2.1.0\nroot: {dag: {tasks: {a: 1}}}", "it is malformed"),
        ("platforms: {}\n---\npipelineInfo: {}", "the spec must come before it"),
    ],
)
def test_what_is_no_compiled_pipeline_is_told(content: str, told: str, tmp_path: Path) -> None:
    """Another file is refused by name, with what it is instead where that can be told."""
    file = tmp_path / "wrong.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read_compiled(file)
    assert str(error.value).startswith(str(file))
    assert told in str(error.value)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A file that is missing, a folder, and bytes that are no text are each told as such."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for file, told in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory"), (binary, "no text")):
        with pytest.raises(UsageError, match=told):
            read_compiled(file)


@settings(max_examples=100)
@given(st.sampled_from(PLACES), st.dictionaries(WORDS, st.recursive(LEAVES, _nested, max_leaves=8)) | LEAVES)
def test_nothing_else_is_raised(folder: Path, place: tuple[str, ...], content: Any) -> None:
    """Whatever stands in a place of a spec, it can be read to its steps and parameters, or it is a UsageError."""
    spec = _spec(dag={"tasks": {"a": _task("group")}}, inputDefinitions={"parameters": {"x": {}}})
    spec["components"] = {"group": {"dag": {"tasks": {"b": _task("leaf")}}}}
    inner = spec
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = content
    file = folder / "any.json"
    file.write_text(json.dumps(spec), encoding="utf-8")
    try:
        compiled = read_compiled(file)
        assert (type(compiled.steps), type(compiled.parameters)) == (tuple, dict)
        assert compiled.without_cache().text
    except UsageError as error:
        assert str(file) in str(error)  # noqa: PT017  # either may come
