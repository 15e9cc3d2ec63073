from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.spec.graph import Graph
from pipeline.spec.loading import Flavour, load
from pipeline.spec.parameters import parameters_of
from schema.errors import UsageError
from tests.spec.drafts import Draft, chain, write

Change = Callable[[dict[str, Any]], object]
KINDS = ("STRING", "NUMBER_INTEGER", "NUMBER_DOUBLE", "BOOLEAN", "LIST", "STRUCT")


def refusal(file: Path) -> str:
    """What is said of a spec that cannot be run."""
    with pytest.raises(UsageError) as caught:
        Graph(load(file))
    return str(caught.value)


def test_a_file_tells_its_flavour(tmp_path: Path) -> None:
    """A bare spec is Kubeflow's; the JSON of a PipelineJob is Vertex AI's, with its root and its own values."""
    kubeflow = load(chain().write(tmp_path))
    vertex = load(chain().write_job(tmp_path, parameterValues={"who": "ann"}))
    assert (kubeflow.flavour, kubeflow.root, kubeflow.values) == (Flavour.KUBEFLOW, "", {})
    assert (vertex.flavour, vertex.root, vertex.values) == (Flavour.VERTEX, "gs://bucket/root", {"who": "ann"})
    assert parameters_of(vertex, ()) == {"who": "ann"}
    assert [step.name for step in Graph(kubeflow).steps] == ["make", "read"]


def test_the_second_document_is_the_platforms(tmp_path: Path) -> None:
    """What the platforms document says of each executor is kept."""
    draft = chain()
    draft.platform["make"] = {"activeDeadlineSeconds": "60"}
    assert load(draft.write(tmp_path)).platform == {"make": {"activeDeadlineSeconds": "60"}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Found: nothing"),
        ("a: [", "neither YAML nor JSON"),
        ("{", "neither YAML nor JSON"),
        ("- 1", "each document is to be a mapping"),
        ("name: taxi\nlabel: tips", "Found: label, name"),
        ("pipelineInfo: {name: a}\n---\npipelineInfo: {name: b}", "one document is to have"),
        ("pipelineInfo: {name: a}\nschemaVersion: 2.0.0", "'schemaVersion' is '2.0.0'"),
        ("pipelineInfo: {name: ../a}\nschemaVersion: 2.1.0", "'pipelineInfo.name' is '../a'"),
        ("pipelineInfo: {name: a}\nschemaVersion: 2.1.0\nrooot: {}", "not a PipelineSpec as kfp knows it"),
        ("pipelineInfo: a", "not a PipelineSpec as kfp knows it"),
        ("pipelineInfo: {name: a}\nschemaVersion: 2.1.0", "The pipeline 'a' has no step"),
        ("pipelineInfo: {name: a}\nschemaVersion: 2.1.0\n---\nplatforms: {kubernetes: [1]}", "'platforms' is to hold"),
    ],
)
def test_what_is_no_spec_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """A file that is no compiled spec, or of another schema, is refused with what it is to be."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(text, encoding="utf-8")
    assert told in refusal(file)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", "folder"])
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: bytes | str | None) -> None:
    """A file that is missing, a folder, or no text is told in one sentence with its name."""
    file = tmp_path / "pipeline.yaml"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content:
        file.mkdir()
    assert refusal(file).startswith(f"{file}: ")


def _task(name: str, **changes: Any) -> Change:
    return lambda content: content["root"]["dag"]["tasks"][name].update(changes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_task("read", dependentTasks=["mak"]), "The task 'read' needs the task 'mak', which does not exist. Did you"),
        (_task("make", dependentTasks=["read"]), "Tasks wait for each other: "),
        (_task("make", componentRef={"name": "nope"}), "runs the component 'nope', which does not exist"),
        (_task("make", inputs={}), "The task 'make' lacks the parameter 'who'"),
        (_task("read", inputs={"parameters": {"n": {}}}), "The task 'read' lacks the artifact 'thing'"),
        (_task("make", triggerPolicy={"condition": "1 <"}), "The task 'make': the condition '1 <' cannot be read"),
        (
            _task("make", parameterIterator={"itemInput": "who", "items": {"raw": "[]"}}),
            "The task 'make' is a loop (ParallelFor, ForEach), which cannot be run here",
        ),
        (lambda content: content["components"]["make"].update(executorLabel="x"), "needs the executor 'x', which does"),
        (
            lambda content: content["deploymentSpec"]["executors"].update(make={"resolver": {}}),
            "The task 'make' is a resolver, which open-source Kubeflow Pipelines does not run",
        ),
        (
            lambda content: content["root"]["dag"]["tasks"].update(a_b=content["root"]["dag"]["tasks"].pop("read")),
            "The task 'a_b': Argo, which runs Kubeflow's tasks, takes letters, digits and - only",
        ),
    ],
)
def test_a_spec_that_cannot_be_run_is_refused(tmp_path: Path, change: Change, told: str) -> None:
    """What does not exist, waits for itself, lacks an input or is not run by the backend is named before a run."""
    content = chain().content
    change(content)
    assert told in refusal(write(tmp_path / "pipeline.yaml", content))


def test_steps_of_a_sub_dag_are_named_shortly_where_that_is_unique(tmp_path: Path) -> None:
    """Steps are in their order; a name that two sub-DAGs have is told with its path."""
    draft = Draft()
    for name in ("one", "two"):
        inner = Draft().step("same", "true").step(f"only-{name}", "true", dependentTasks=["same"])
        draft.task(name, dag=inner, dependentTasks=["one"] if name == "two" else [])
    steps = {step.name: step.upstream for step in Graph(load(draft.write(tmp_path))).steps}
    assert steps == {
        "one.same": (),
        "only-one": ("one.same",),
        "two.same": ("one.same", "only-one"),
        "only-two": ("one.same", "only-one", "two.same"),
    }


def declared(tmp_path: Path) -> Path:
    """A pipeline with a parameter of each type, and one that is required."""
    draft = Draft().step("make", "true").parameter("needed", "STRING").parameter("left", "STRING", isOptional=True)
    for kind, default in zip(KINDS, ("a", 1, 0.5, False, [], {}), strict=True):
        draft.parameter(kind.lower(), kind, defaultValue=default)
    return draft.write(tmp_path)


def test_parameters_have_defaults_and_types(tmp_path: Path) -> None:
    """Defaults stand where nothing is given; what is given has its parameter's type; an optional one may lack."""
    spec = load(declared(tmp_path))
    defaults = {"string": "a", "number_integer": 1, "number_double": 0.5, "boolean": False, "list": [], "struct": {}}
    assert parameters_of(spec, ["needed=x"]) == defaults | {"needed": "x"}
    given = [
        "needed=a=b",
        "string=5",
        "number_integer=7",
        "number_double=1",
        "boolean=True",
        "list=[1]",
        'struct={"a":1}',
    ]
    assert parameters_of(spec, given) == {
        "needed": "a=b",
        "string": "5",
        "number_integer": 7,
        "number_double": 1.0,
        "boolean": True,
        "list": [1],
        "struct": {"a": 1},
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "No value for 'needed': give it with --parameter needed=VALUE. Its parameters: boolean (BOOLEAN, default"),
        (["needed"], "--parameter needed: it is to be NAME=VALUE."),
        (["neded=x"], "'neded' is no parameter of this pipeline. Did you mean 'needed'?"),
        (["needed=x", "number_integer=1.5"], "'number_integer' is '1.5'. Legal is a whole number such as 5"),
        (["needed=x", "number_double=x"], "Legal is a number such as 0.5, as its type is NUMBER_DOUBLE."),
        (["needed=x", "boolean=yes"], "Legal is true or false"),
        (["needed=x", "list={}"], "Legal is a list as JSON"),
        (["needed=x", "struct=[]"], "Legal is an object as JSON"),
    ],
)
def test_a_wrong_parameter_is_refused(tmp_path: Path, given: list[str], told: str) -> None:
    """A parameter that lacks, does not exist or is of another type is told with what is legal."""
    with pytest.raises(UsageError) as caught:
        parameters_of(load(declared(tmp_path)), given)
    assert told in str(caught.value)


def test_the_files_own_values_are_checked_too(tmp_path: Path) -> None:
    """A value in a PipelineJob's runtimeConfig is to be of its parameter's type."""
    spec = load(chain().write_job(tmp_path, parameterValues={"who": 5}))
    with pytest.raises(UsageError, match=r"The parameter 'who' is 5\. Legal is a text"):
        parameters_of(spec, ())
