from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler.compiler import Compiler
from tfx.orchestration import data_types, metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import Channel
from tfx.types.standard_artifacts import Model
from tfx.utils import path_utils

from components.baseline import Baseline, Driver, Executor, is_baseline
from components.blessed_models import record
from schema.errors import PenstockError


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with two models."""
    for number in (1, 2):
        record(tmp_path / "blessed", model_at(tmp_path / f"model {number}").uri, f"run {number}", made=number)
    return tmp_path / "blessed"


def model_at(folder: Path) -> Model:
    """Returns a model, as the Trainer leaves it, whose graph is the name of its folder."""
    (folder / "Format-Serving").mkdir(parents=True)
    (folder / "Format-Serving" / "saved_model.pb").write_text(folder.name)
    return artifact(str(folder))


def artifact(uri: str) -> Model:
    """Returns the artifact of a model."""
    model = Model()
    model.uri = uri
    return model


def found(ledger: Path, candidate: str) -> Any:
    """Returns what the driver finds, called as a container calls it."""
    return Driver(None).resolve({"candidate": [artifact(candidate)]}, {"blessed_models": str(ledger)})


def made(ledger: Path, folder: Path, candidate: str) -> Model:
    """Returns what driver and executor make."""
    output = artifact(str(folder))
    Executor().Do({}, {"model": [output]}, found(ledger, candidate))
    return output


def test_the_driver_says_which_entry_is_the_latest(ledger: Path) -> None:
    """The property `entry` is the number of the latest model but the candidate; other properties stay."""
    assert found(ledger, "run 3") == {"blessed_models": str(ledger), "entry": "2"}
    assert found(ledger, "run 2")["entry"] == "1"


def test_the_driver_says_that_there_is_none(tmp_path: Path) -> None:
    """A first run, and one whose only blessed model is the candidate, have no baseline: the same to the cache."""
    record(tmp_path / "one", model_at(tmp_path / "model").uri, "run 1")
    assert found(tmp_path / "none", "run 1")["entry"] == found(tmp_path / "one", "run 1")["entry"] == "none"


def test_the_arguments_of_the_driver_stay_as_they_are(ledger: Path) -> None:
    """What it finds is in what it returns only."""
    given = {"blessed_models": str(ledger)}
    Driver(None).resolve({"candidate": [artifact("run 3")]}, given)
    assert given == {"blessed_models": str(ledger)}


def test_launchers_of_tfx_get_the_property_alone(ledger: Path) -> None:
    """The portable driver adds what it found to the properties, and leaves the output artifact to the launcher."""
    info = ExecutionInfo(
        input_dict={"candidate": [artifact("run 3")]}, exec_properties={"blessed_models": str(ledger)}, output_dict={}
    )
    output = Driver(None).run(info)
    assert json_format.MessageToDict(output) == {"execProperties": {"entry": {"stringValue": "2"}}}


def test_the_baseline_is_laid_out_as_tfx_reads_it(ledger: Path, tmp_path: Path) -> None:
    """The Evaluator finds a model to serve in the copy, which says where it came from."""
    output = made(ledger, tmp_path / "out", "run 3")
    assert Path(path_utils.serving_model_path(output.uri), "saved_model.pb").read_text() == "model 2"
    assert output.get_string_custom_property("origin") == "run 2"
    assert is_baseline(output)


def test_without_a_baseline_the_output_says_so(tmp_path: Path) -> None:
    """The artifact holds one file, named for what it means, and the property that the Evaluator looks at."""
    output = made(tmp_path / "none", tmp_path / "out", "run 1")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["NO_BASELINE"]
    assert output.get_int_custom_property("is_baseline") == 0
    assert not is_baseline(output)


def test_a_baseline_is_told_from_none_after_kubeflow_made_a_float_of_it() -> None:
    """Kubeflow and Vertex keep numbers as JSON, where 1 is 1.0."""
    model = artifact("somewhere")
    model.mlmd_artifact.custom_properties["is_baseline"].struct_value.fields["__value__"].number_value = 1.0
    assert is_baseline(model)
    assert not is_baseline(artifact("somewhere"))


def test_an_entry_that_was_removed_meanwhile_stops_the_step(ledger: Path, tmp_path: Path) -> None:
    """What the driver found and the executor does not is an error, not a run without baseline."""
    with pytest.raises(PenstockError, match="7: this blessed model is no longer there"):
        Executor().Do({}, {"model": [artifact(str(tmp_path))]}, {"blessed_models": str(ledger), "entry": "7"})


def decided(driver: Driver, step: Baseline, run: str) -> data_types.ExecutionDecision:
    """Returns what the older launcher, which Airflow has, decides about a step in a run."""
    pipeline = data_types.PipelineInfo("taxi", "/root", run)
    return driver.pre_execution(
        input_dict=step.inputs,
        output_dict=step.outputs,
        exec_properties=step.exec_properties,
        driver_args=data_types.DriverArgs(enable_cache=True, interactive_resolution=True),
        pipeline_info=pipeline,
        component_info=data_types.ComponentInfo("components.baseline.Baseline", "Baseline", pipeline),
    )


def test_the_older_launcher_finds_it_too_and_leaves_the_step_as_it_was(ledger: Path, tmp_path: Path) -> None:
    """On Airflow the property is found once the candidate is known, and does not stay for the next run."""
    candidate = model_at(tmp_path / "candidate")
    config = metadata_store_pb2.ConnectionConfig(fake_database=metadata_store_pb2.FakeDatabaseConfig())
    with metadata.Metadata(config) as handle:
        handle.publish_artifacts([candidate])
        step = Baseline(candidate=Channel(type=Model).set_artifacts([candidate]), blessed_models=str(ledger))
        first = decided(Driver(handle), step, "run 1")
        record(ledger, candidate.uri, "run 9", made=9)
        second = decided(Driver(handle), step, "run 2")
    assert (first.exec_properties["entry"], second.exec_properties["entry"]) == ("2", "9")
    assert "entry" not in step.exec_properties


def test_the_step_compiles_with_its_driver(tmp_path: Path) -> None:
    """TFX's intermediate form names the driver, without which the cache would not see the ledger."""
    step = Baseline(candidate=Channel(type=Model).set_artifacts([artifact("x")]), blessed_models="/ledger")
    config = metadata_store_pb2.ConnectionConfig()
    compiled = Compiler().compile(Pipeline("taxi", str(tmp_path), config, [step]))
    (config_text,) = (json.dumps(json_format.MessageToDict(compiled.deployment_config)),)
    assert step.id == "Baseline"
    assert "components.baseline.Driver" in config_text
