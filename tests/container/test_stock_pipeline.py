"""The entry point on what TFX's own runner compiles of TFX's own components."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.container.arguments import parse
from pipeline.container.main import main
from tests.container.pod import Pod

BEAM_ARGS = ["--direct_num_workers=1", "--sdk_container_image=none"]
ROOT = "s3://bucket/root"
DRIVER = "tfx.components.example_gen.driver.FileBasedDriver"


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """A pod with two spans of a small table."""
    pod = Pod(tmp_path)
    for span, rows in {"1": 2, "2": 40}.items():
        pod.put(f"data/span-{span}/rows.csv", "a,b\n" + "".join(f"{row},x\n" for row in range(rows)))
    return pod


def compiled(pod: Pod) -> dict[str, Any]:
    """Returns the pipeline spec of CsvExampleGen and StatisticsGen as TFX compiles it for schema 2.1."""
    from tfx.components import CsvExampleGen, StatisticsGen
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import example_gen_pb2

    rows = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="rows", pattern="span-{SPAN}/*")])
    examples = CsvExampleGen(f"{pod.root}/data", input_config=rows)
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    config = KubeflowV2DagRunnerConfig(default_image="image", use_pipeline_spec_2_1=True)
    pipeline = Pipeline("stock", ROOT, components=[examples, statistics], beam_pipeline_args=BEAM_ARGS)
    spec: dict[str, Any] = KubeflowV2DagRunner(config).run(pipeline, write_out=False)["pipelineSpec"]
    return spec


def invocation_of(pod: Pod, spec: Mapping[str, Any], task: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a task's executor input as a backend makes it of the spec."""
    parameters = spec["root"]["dag"]["tasks"][task]["inputs"].get("parameters", {})
    declared = spec["components"][task]["outputDefinitions"]["artifacts"]
    return {
        "inputs": {
            "parameterValues": {name: value["runtimeValue"]["constant"] for name, value in parameters.items()},
            "artifacts": {name: {"artifacts": [artifact]} for name, artifact in inputs.items()},
        },
        "outputs": {
            "artifacts": {
                name: {"artifacts": [{"type": kind["artifactType"], "uri": f"{ROOT}/{task}/1/{name}"}]}
                for name, kind in declared.items()
            },
            "outputFile": f"{pod.root}/out/{task}/output_metadata.json",
        },
    }


def run(pod: Pod, args: list[str], invocation: Mapping[str, Any]) -> Any:
    """Runs a container with the arguments of the spec, and returns the ExecutorOutput."""
    words = [word.replace("{{$}}", json.dumps(invocation)) for word in args]
    assert main(words, pod.environment) == 0
    return json.loads(Path(invocation["outputs"]["outputFile"]).read_text())


def test_tfxs_components_run_from_their_compiled_spec(pod: Pod) -> None:
    """The arguments that TFX emits are those that we read, and its components run with them, s3:// and no types."""
    spec = compiled(pod)
    executors = spec["deploymentSpec"]["executors"]
    args = {task: executors[f"{task}_executor"]["container"]["args"] for task in ("CsvExampleGen", "StatisticsGen")}
    assert all(parse(words).beam_args == tuple(BEAM_ARGS) for words in args.values())
    assert all(parse(words).inputs_spec for words in args.values())

    invocation = invocation_of(pod, spec, "CsvExampleGen", {})
    hook = executors["CsvExampleGen_executor"]["container"]["lifecycle"]["preCacheCheck"]["args"]
    found = run(pod, ["--driver_class_path", DRIVER, *hook], invocation)
    assert found["parameterValues"]["span"] == 2

    said = run(pod, args["CsvExampleGen"], invocation)
    (examples,) = said["artifacts"]["examples"]["artifacts"]
    assert examples["metadata"]["custom:span"] == 2
    untyped = examples | {"name": "7", "type": {"instanceSchema": ""}}
    said = run(pod, args["StatisticsGen"], invocation_of(pod, spec, "StatisticsGen", {"examples": untyped}))
    (statistics,) = said["artifacts"]["statistics"]["artifacts"]
    assert statistics["uri"] == f"{ROOT}/StatisticsGen/1/statistics"
    assert rows_in(pod.root / "s3/bucket/root/StatisticsGen/1/statistics") == 40


def rows_in(folder: Path) -> int:
    """Returns the rows that the statistics of all splits count."""
    import tensorflow_data_validation as tfdv

    files = folder.glob("Split-*/FeatureStats.pb")
    return sum(tfdv.load_stats_binary(str(file)).datasets[0].num_examples for file in files)
