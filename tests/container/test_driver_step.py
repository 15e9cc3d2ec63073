from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.container.main import main
from schema.errors import UsageError
from tests.container.pod import Pod, words

FOLDER_DRIVER = "pipeline.container.fakes.FolderDriver"
FILE_BASED = "tfx.components.example_gen.driver.FileBasedDriver"
FOUND = "tmp/kfp/outputs/found"
OUTPUT_FILE = "gcs/bucket/root/1/taxi-2026/ExampleGen_-5/executor_output.json"
SPEC: dict[str, Any] = {
    "artifacts": {"candidate": {"artifactType": {"instanceSchema": "title: tfx.Model\ntype: object\n"}}},
    "parameters": {"folder": {"parameterType": "STRING"}},
}


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """A pod with three spans of data, a mounted bucket and two blessed models."""
    pod = Pod(tmp_path)
    for path in ("data/spans/span-1/a.csv", "data/spans/span-3/a.csv", "data/blessed/1", "data/blessed/2"):
        pod.put(path, "x\n1\n")
    (tmp_path / "gcs").mkdir()
    return pod


def run(pod: Pod, invocation: dict[str, Any], spec: Any, path: str) -> int:
    """Runs a driver, and returns the exit code."""
    return main(words("--driver_class_path", path, invocation, spec), pod.environment)


def test_a_drivers_task_on_kubeflow(pod: Pod) -> None:
    """What the driver resolved is the text of `found`: canonical JSON, of nothing that was given as it is."""
    assert run(pod, pod.invocation("kubeflow_driver"), SPEC, FOLDER_DRIVER) == 0
    candidate = f"{pod.root}/s3/models/taxi/5d2c0a1e/Trainer/0e44/model"
    assert (pod.root / FOUND).read_text() == f'{{"candidates":["{candidate}"],"files":2,"first":"1"}}'


def test_the_same_world_gives_the_same_text(pod: Pod) -> None:
    """A second look at an unchanged folder writes the same letters, and at a changed one others."""
    texts = []
    for change in ("", "", "data/blessed/3"):
        if change:
            pod.put(change)
        assert run(pod, pod.invocation("kubeflow_driver"), SPEC, FOLDER_DRIVER) == 0
        texts.append((pod.root / FOUND).read_text())
    assert texts[0] == texts[1] != texts[2]


def test_tfxs_driver_as_vertexs_hook(pod: Pod) -> None:
    """The stock driver finds the latest span, and writes what TFX's own module for Vertex writes."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver as stock

    invocation = pod.invocation("vertex_examples")
    spec = {"parameters": {name: {"parameterType": "STRING"} for name in ("input_base", "input_config")}}
    assert run(pod, invocation, spec, FILE_BASED) == 0
    ours = pod.json(OUTPUT_FILE)
    assert ours["parameterValues"]["span"] == 3
    invocation["outputs"]["outputFile"] = f"{pod.root}/stock.json"
    stock._run_driver(
        json_format.ParseDict(invocation, pipeline_spec_pb2.ExecutorInput()),
        json_format.ParseDict(spec, pipeline_spec_pb2.ComponentInputsSpec()),
    )
    assert ours == pod.json("stock.json")


def test_a_class_that_is_no_driver(pod: Pod, capsys: pytest.CaptureFixture[str]) -> None:
    """A class that cannot look at the world for us is a wrong use, and the message says what it lacks."""
    path = "tfx.dsl.components.base.base_driver.BaseDriver"
    assert run(pod, pod.invocation("kubeflow_driver"), SPEC, path) == UsageError.exit_code
    assert f"{path}: is no driver that can run before a backend's cache" in capsys.readouterr().err


def test_an_empty_folder_is_found_too(pod: Pod) -> None:
    """A property that the driver resolved to nothing stands in `found` as null."""
    invocation = pod.invocation("kubeflow_driver")
    (pod.root / "data/none").mkdir()
    invocation["inputs"] = {"parameterValues": {"folder": f"{pod.root}/data/none"}}
    assert run(pod, invocation, SPEC, FOLDER_DRIVER) == 0
    assert json.loads((pod.root / FOUND).read_text()) == {"candidates": [], "files": 0, "first": None}
