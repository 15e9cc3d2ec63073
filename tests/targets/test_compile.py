"""The taxi DAG, compiled. `python -m tests.targets.test_compile` writes the golden files again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.auth.credentials import AnonymousCredentials
from google.protobuf import json_format
from kfp.components import load_component_from_file
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.loading import load
from pipeline.targets.command import rendered

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "targets"
FILES = {"kubeflow": "taxi.kubeflow.yaml", "vertex": "taxi.vertex.json"}
CODE = re.compile(r'(\\*"code\\*": \\*")[0-9a-f-]+')
LIFTED = {"ExampleGen": "data_path", "Baseline": "blessed_models"}
Spec = dict[str, Any]


def compiled(target: str) -> str:
    """The taxi pipeline for a target; hashes of code, which change with any edit, are left out."""
    config = load([ROOT / "configs" / "taxi.yaml", ROOT / "configs" / f"{target}.yaml"])
    (text,) = rendered(config, target).values()
    return CODE.sub(r"\1<hash>", text)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """What each target runs."""
    return {target: compiled(target) for target in FILES}


@pytest.fixture(scope="module")
def specs(texts: dict[str, str]) -> dict[str, Spec]:
    """The pipeline spec within it."""
    kubeflow, _ = yaml.safe_load_all(texts["kubeflow"])
    return {"kubeflow": kubeflow, "vertex": json.loads(texts["vertex"])["pipelineSpec"]}


@pytest.mark.parametrize("target", FILES)
def test_the_compiled_taxi_dag_is_the_golden_one(target: str, texts: dict[str, str]) -> None:
    """What is written for a target is what the golden file has, to the letter."""
    assert texts[target] == (GOLDEN / FILES[target]).read_text(encoding="utf-8")


@pytest.mark.parametrize("target", FILES)
def test_no_path_of_this_machine_is_in_it(target: str, texts: dict[str, str]) -> None:
    """A container has another file system."""
    assert str(ROOT) not in texts[target]


@pytest.mark.parametrize("target", FILES)
def test_it_is_a_pipeline_spec(target: str, specs: dict[str, Spec]) -> None:
    """Every key is one of kfp's PipelineSpec and PipelineDeploymentConfig, in the schema that Kubeflow asks for."""
    spec = json_format.ParseDict(specs[target], pipeline_spec_pb2.PipelineSpec())
    deployment = json_format.ParseDict(specs[target]["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    assert spec.schema_version == "2.1.0"
    assert {component.executor_label for component in spec.components.values()} == set(deployment.executors)


def test_kfps_own_loader_takes_it(texts: dict[str, str], tmp_path: Path) -> None:
    """The SDK loads the file as a component, with the platform's document and the parameters' defaults."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(texts["kubeflow"], encoding="utf-8")
    loaded = load_component_from_file(str(file))
    assert loaded.name == "taxi"
    assert "kubernetes" in loaded.platform_spec.platforms
    assert {name: parameter.default for name, parameter in (loaded.component_spec.inputs or {}).items()} == {
        "blessed_models": "/data/penstock/taxi/blessed",
        "data_path": "pkg://tfx/examples/chicago_taxi_pipeline/data/simple/data.csv",
        "destination": "/data/penstock/taxi/serving/taxi",
    }


def test_vertexes_own_loader_takes_it(texts: dict[str, str], tmp_path: Path) -> None:
    """The SDK makes a job of the file, and takes the parameters of a run by their names."""
    from google.cloud import aiplatform

    file = tmp_path / "pipeline.json"
    file.write_text(texts["vertex"], encoding="utf-8")
    job = aiplatform.PipelineJob(
        display_name="taxi",
        template_path=str(file),
        parameter_values={"data_path": "gs://bucket/other.csv"},
        project="a-project",
        location="europe-west4",
        credentials=AnonymousCredentials(),
    )
    assert job.runtime_config.gcs_output_directory == "gs://my-bucket/penstock"
    with pytest.raises(ValueError, match="nope"):
        aiplatform.PipelineJob(
            display_name="taxi",
            template_path=str(file),
            parameter_values={"nope": "1"},
            project="a-project",
            location="europe-west4",
            credentials=AnonymousCredentials(),
        )


@pytest.mark.parametrize("target", FILES)
def test_steps_executors_and_types_are_legal_names(target: str, specs: dict[str, Spec]) -> None:
    """Argo, Kubernetes and the schemas' titles take them."""
    spec = specs[target]
    names = [*spec["root"]["dag"]["tasks"], *spec["components"], *spec["deploymentSpec"]["executors"]]
    assert all(re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]*", name) for name in names)
    for artifact in _artifact_types(spec):
        title = artifact.get("schemaTitle") or yaml.safe_load(artifact["instanceSchema"])["title"]
        assert re.fullmatch(r"[a-z][a-z0-9-_]{2,20}[.][A-Z][a-zA-Z0-9-_]{2,49}", title)


@pytest.mark.parametrize("target", FILES)
def test_every_step_is_started_by_our_entry_point(target: str, specs: dict[str, Spec]) -> None:
    """No step has the stock command, which open-source Kubeflow cannot run, and none is a resolver."""
    for executor in specs[target]["deploymentSpec"]["executors"].values():
        assert executor["container"]["command"] == ["python", "-m", "pipeline.container"]
        assert executor["container"]["image"]


def test_on_kubeflow_what_looks_at_the_world_is_a_task_of_its_own(specs: dict[str, Spec]) -> None:
    """ExampleGen and Baseline have drivers; what these find is in the steps' cache keys, and they are never cached."""
    tasks = specs["kubeflow"]["root"]["dag"]["tasks"]
    drivers = {name for name in tasks if name.endswith("-lookup")}
    assert drivers == {"ExampleGen-lookup", "Baseline-lookup"}
    uncached = {name for name, task in tasks.items() if not task["cachingOptions"].get("enableCache")}
    assert uncached == {*drivers, "Pusher"}


def test_on_kubeflow_a_driver_looks_where_its_step_reads(specs: dict[str, Spec]) -> None:
    """A run that is given another data_path has both the driver and the step there: they have the same inputs."""
    tasks = specs["kubeflow"]["root"]["dag"]["tasks"]
    for step in ("ExampleGen", "Baseline"):
        inputs = tasks[step]["inputs"]
        parameters = {name: value for name, value in inputs["parameters"].items() if name != "driver_output"}
        assert tasks[f"{step}-lookup"]["inputs"] == inputs | {"parameters": parameters}
        assert {"componentInputParameter": LIFTED[step]} in parameters.values()


def test_on_vertex_what_looks_at_the_world_is_a_hook(specs: dict[str, Spec]) -> None:
    """The same two steps have a preCacheCheck."""
    executors = specs["vertex"]["deploymentSpec"]["executors"]
    hooked = {name for name, executor in executors.items() if "lifecycle" in executor["container"]}
    assert hooked == {"exec-ExampleGen", "exec-Baseline"}


def _artifact_types(spec: Spec) -> Iterator[dict[str, Any]]:
    for component in spec["components"].values():
        for side in ("inputDefinitions", "outputDefinitions"):
            for artifact in component.get(side, {}).get("artifacts", {}).values():
                yield artifact["artifactType"]


def write_golden() -> None:
    """Writes the golden files from the code as it is."""
    for target, name in FILES.items():
        (GOLDEN / name).write_text(compiled(target), encoding="utf-8")


if __name__ == "__main__":
    write_golden()
