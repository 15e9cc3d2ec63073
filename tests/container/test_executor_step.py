from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.container.main import main
from schema.errors import DataAnomaly, PenstockError, UsageError
from tests.container.pod import COUNTED, COUNTER, COUNTER_SPEC, EXAMPLES, GOLDEN, Pod, words

OUTPUT_FILE = "tmp/kfp_outputs/output_metadata.json"
BEAM_ARGS = ("--direct_num_workers=2", "--sdk_container_image=none")  # the latter: TFX does not pack itself for workers
RECORDER = "pipeline.container.fakes.Recorder"
VERTEX_OUTPUT = "gcs/bucket/root/1/taxi-2026/ExampleGen_-5/executor_output.json"
VERTEX_SAID = "gcs/bucket/root/1/taxi-2026/ExampleGen_-5/examples/said.json"
VERTEX_SPEC = {"parameters": {"input_base": {"parameterType": "STRING"}, "input_config": {"parameterType": "STRING"}}}


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """A pod into which the launcher has brought the examples."""
    pod = Pod(tmp_path)
    pod.put(f"{EXAMPLES}/part")
    pod.put("gcs/bucket/mounted")
    return pod


def run(pod: Pod, invocation: dict[str, Any], spec: Any = COUNTER_SPEC, path: str = COUNTER, *beam: str) -> int:
    """Runs an executor, and returns the exit code."""
    return main(words("--executor_class_path", path, invocation, spec, beam), pod.environment)


def reported(pod: Pod, path: str = OUTPUT_FILE) -> Any:
    """Returns the ExecutorOutput without what differs from run to run, having seen that it is there."""
    said = pod.json(path)
    for name, listed in said["artifacts"].items():
        metadata = listed["artifacts"][0]["metadata"]
        if name != "numbers":
            assert metadata.pop("seconds") >= 0
            assert metadata.pop("tfx_version")
    return said


def test_a_step_under_kubeflows_launcher(pod: Pod) -> None:
    """Untyped inputs, a minio:// root, executor-logs and doubles for integers: the executor sees none of it."""
    assert run(pod, pod.invocation("kubeflow_counter")) == 0
    assert pod.json(f"{COUNTED}/report/warnings.json") == {
        "read": ["part"],
        "times": 3,
        "type": "int",
        "rate": 2.0,
        "note": "none",
        "bounds": [1, 2.5],
        "sides": {"left": "a"},
        "stored_uri": "minio://mlpipeline/v2/artifacts/taxi/5d2c0a1e/ExampleGen/9f31/examples",
    }
    assert (pod.root / COUNTED / "rows").read_text() == "90"
    assert reported(pod) == json.loads((GOLDEN / "kubeflow_counter_output.json").read_text())


def test_a_page_becomes_the_file_at_its_address(pod: Pod) -> None:
    """Of an HTML artifact nothing is left but the page, at the path that the launcher uploads as one object."""
    assert run(pod, pod.invocation("kubeflow_counter")) == 0
    assert (pod.root / COUNTED / "page").read_text() == "<p>counted</p>"
    assert sorted(path.name for path in (pod.root / COUNTED).iterdir()) == ["numbers", "page", "report", "rows"]


def test_a_gate_says_no(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    """An error of ours is one paragraph on standard error with its own exit code, and nothing is reported."""
    invocation = pod.invocation("kubeflow_counter")
    invocation["inputs"]["parameterValues"]["times"] = 101
    assert run(pod, invocation) == DataAnomaly.exit_code
    said = capsys.readouterr().err
    assert "penstock: 101 times are too many. Count at most 100 times.\n" in said
    assert "Traceback" not in said
    assert not (pod.root / OUTPUT_FILE).exists()


def test_any_other_error_keeps_its_traceback(pod: Pod) -> None:
    """What nobody foresaw is left to the interpreter."""
    invocation = pod.invocation("kubeflow_counter")
    invocation["inputs"]["artifacts"]["examples"]["artifacts"][0]["uri"] = "minio://mlpipeline/nothing"
    with pytest.raises(FileNotFoundError):
        run(pod, invocation)


@pytest.mark.parametrize("times", [2.5, "many", [3.5]])
def test_a_parameter_of_another_type_is_named(pod: Pod, times: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A value that is no whole number where one is declared ends with exit code 2, and the message names both."""
    invocation = pod.invocation("kubeflow_counter")
    invocation["inputs"]["parameterValues"]["times"] = times
    assert run(pod, invocation) == UsageError.exit_code
    assert f"Parameter 'times': {times!r} is not a whole number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("invocation", "path", "said"),
    [
        ("{{$}}", COUNTER, "--json_serialized_invocation_args: not the JSON of a ExecutorInput"),
        ('{"inputs": 3}', COUNTER, "--json_serialized_invocation_args: not the JSON of a ExecutorInput"),
        ("{}", "pipeline.container.fakes.Nobody", "pipeline.container.fakes.Nobody: there is no such class in this"),
        ("{}", "nowhere.at.all.Executor", "nowhere.at.all.Executor: there is no such class in this image"),
        ("{}", "Executor", "Executor: there is no such class in this image"),
    ],
)
def test_arguments_that_hold_nonsense(
    invocation: str, path: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text that is no executor input, or a class that the image lacks, is a wrong use: exit code 2, no traceback."""
    given = ["--executor_class_path", path, "--json_serialized_invocation_args", invocation]
    assert main(given, {}) == UsageError.exit_code
    assert f"penstock: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import a_library_that_lacks", ModuleNotFoundError),
        ("import os; os.nothing", AttributeError),
        ("1/", SyntaxError),
    ],
)
def test_an_error_within_a_users_module_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, error: type[Exception]
) -> None:
    """What goes wrong while a user's module is imported keeps its traceback, which names the line."""
    (tmp_path / "users_broken_module.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    given = words("--executor_class_path", "users_broken_module.Executor", {})
    with pytest.raises(error):
        main(given, {})


def test_a_type_whose_class_lacks_is_named(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    """A custom type that the image cannot import ends with exit code 2, not with an output left out."""
    invocation = pod.invocation("kubeflow_counter")
    invocation["outputs"]["artifacts"]["report"]["artifacts"][0]["type"] = {"schemaTitle": "penstock.Riddle"}
    assert run(pod, invocation) == UsageError.exit_code
    assert "components.artifacts.Riddle: there is no such class" in capsys.readouterr().err


def test_an_output_parameter_without_its_output(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    """An output parameter that no value artifact stands behind is said to be a compilation of another component."""
    invocation = pod.invocation("kubeflow_counter")
    invocation["outputs"]["parameters"]["columns"] = {"outputFile": "/tmp/kfp/outputs/columns"}  # noqa: S108
    assert run(pod, invocation) == PenstockError.exit_code
    assert "Output parameter 'columns': the component has no output of that name" in capsys.readouterr().err


def test_what_a_drivers_task_found_reaches_the_executor(pod: Pod) -> None:
    """`driver_output` is merged with its types, never passed on, and described on ExampleGen's output."""
    invocation = pod.invocation("vertex_examples")
    found = {"span": 2, "version": None, "input_fingerprint": "abc", "rate": 0.5, "input_config": "{}"}
    invocation["inputs"]["parameterValues"]["driver_output"] = json.dumps(found)
    spec = {"parameters": {**VERTEX_SPEC["parameters"], "driver_output": {"parameterType": "STRING"}}}
    assert run(pod, invocation, spec, RECORDER) == 0
    given = {"input_base": f"{pod.root}/data/spans", "output_data_format": 6}
    assert pod.json(VERTEX_SAID)["properties"] == given | found
    (examples,) = reported(pod, VERTEX_OUTPUT)["artifacts"]["examples"]["artifacts"]
    assert examples["metadata"] == {"custom:span": 2, "input_fingerprint": "abc"}
    assert examples["uri"] == "gs://bucket/root/1/taxi-2026/ExampleGen_-5/examples"
    assert examples["name"].endswith("/artifacts/88")


def test_what_vertexs_hook_found_reaches_the_executor(pod: Pod) -> None:
    """The ExecutorOutput that a driver left before Vertex asked its cache is merged; 2.0 is the integer 2 again."""
    pod.put(VERTEX_OUTPUT, '{"parameterValues": {"span": 2.0, "input_fingerprint": "abc", "input_config": "{}"}}')
    assert run(pod, pod.invocation("vertex_examples"), VERTEX_SPEC, RECORDER) == 0
    properties = pod.json(VERTEX_SAID)["properties"]
    assert (properties["span"], properties["version"], properties["input_config"]) == (2, None, "{}")
    assert isinstance(properties["span"], int)


@pytest.mark.parametrize("found", ["[]", "{", "3"])
def test_a_drivers_output_that_is_no_object(pod: Pod, found: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a driver did not write is refused with exit code 2."""
    invocation = pod.invocation("vertex_examples")
    invocation["inputs"]["parameterValues"]["driver_output"] = found
    assert run(pod, invocation, VERTEX_SPEC, RECORDER) == UsageError.exit_code
    assert f"driver_output: {found!r} is not a JSON object" in capsys.readouterr().err


def test_beam_args_reach_a_beam_executor(pod: Pod) -> None:
    """Arguments behind ours are the Beam executor's."""
    assert run(pod, pod.invocation("vertex_examples"), VERTEX_SPEC, RECORDER, *BEAM_ARGS) == 0
    assert pod.json(VERTEX_SAID)["beam_args"][: len(BEAM_ARGS)] == list(BEAM_ARGS)


def test_a_spec_of_the_older_schema(pod: Pod) -> None:
    """Without an inputs spec the properties are the typed values of a pipeline spec of schema 2.0."""
    invocation = pod.invocation("vertex_examples")
    invocation["inputs"] = {"parameters": {"times": {"intValue": "3"}, "name": {"stringValue": "a"}}}
    assert run(pod, invocation, None, RECORDER) == 0
    assert pod.json(VERTEX_SAID)["properties"] == {"times": 3, "name": "a"}
