from __future__ import annotations

import json
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from components import artifacts
from components.report.parts import Part, part_of, timings
from components.report.step import Report
from tests.components.report import evaluations
from tests.components.report.statistics import write_statistics

Outputs = dict[str, Artifact]


def report(folder: Path, evaluation: Path) -> Outputs:
    """Runs the component on a blessed and pushed model's artifacts; returns its outputs by name."""
    gate, graph = folder / "gate", folder / "graph"
    gate.mkdir(parents=True)
    (gate / "warnings.json").write_text('["train split, feature <b>: odd"]')
    inputs = {
        "examples": standard_artifacts.Examples(),
        "statistics": standard_artifacts.ExampleStatistics(),
        "anomalies": standard_artifacts.ExampleAnomalies(),
        "gate_report": artifacts.GateReport(),
        "transform_graph": standard_artifacts.TransformGraph(),
        "model": standard_artifacts.Model(),
        "evaluation": standard_artifacts.ModelEvaluation(),
        "blessing": standard_artifacts.ModelBlessing(),
        "infra_blessing": standard_artifacts.InfraBlessing(),
        "pushed_model": standard_artifacts.PushedModel(),
    }
    inputs["statistics"].uri, inputs["gate_report"].uri = str(write_statistics(folder / "statistics")), str(gate)
    inputs["transform_graph"].uri, inputs["evaluation"].uri = str(graph), str(evaluation)
    inputs["examples"].set_string_custom_property("rows", json.dumps({"train": 8, "test": 2}))
    inputs["blessing"].set_int_custom_property("blessed", 1)
    inputs["model"].set_float_custom_property("seconds", 12.5)
    inputs["pushed_model"].set_int_custom_property("pushed", 1)
    inputs["pushed_model"].set_json_value_custom_property("pushed_version", "17")
    outputs: dict[str, Artifact] = {
        "html": artifacts.HTML(),
        "metrics": artifacts.Metrics(),
        "classification": artifacts.ClassificationMetrics(),
        "sliced": artifacts.SlicedClassificationMetrics(),
    }
    for name, artifact in outputs.items():
        artifact.uri = str(folder / name)
        Path(artifact.uri).mkdir()
    Report.test_call(**inputs, **outputs, pipeline="fleet")
    return outputs


@pytest.fixture(scope="module")
def binary(binary_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """The report of a yes or no."""
    return report(tmp_path_factory.mktemp("report"), binary_folder)


def test_the_report_has_what_each_input_says(binary: Outputs) -> None:
    """It is one file in the artifact's folder, and tells of the push, the times, the warnings, slices and columns."""
    page = Path(binary["html"].uri, "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    for said in ("pushed version 17", "12.5 s", "feature &lt;b&gt;: odd", "city=&lt;script&gt;", "Trainer", "fare"):
        assert said in page, said


def test_the_numbers_are_metadata(binary: Outputs) -> None:
    """Metrics are numbers by name, and every one a number; the curves are JSON."""
    metrics = part_of(binary["metrics"].mlmd_artifact).properties
    assert {"auc", "accuracy", "rows"} <= set(metrics)
    assert all(isinstance(value, float) for value in metrics.values())
    classification = part_of(binary["classification"].mlmd_artifact).properties
    assert set(classification) == {"confusionMatrix", "confidenceMetrics"}
    assert [one["displayName"] for one in classification["confusionMatrix"]["annotationSpecs"]] == ["no", "yes"]
    slices = part_of(binary["sliced"].mlmd_artifact).properties["evaluationSlices"]
    assert [one["slice"] for one in slices] == ["all rows", *(f"city={city}" for city in evaluations.CITIES)]


def test_properties_are_read_as_both_stores_keep_them() -> None:
    """A local store keeps a number as a number, Kubeflow's as a JSON value: the same to a report."""
    kept, json_kept = standard_artifacts.PushedModel(), standard_artifacts.PushedModel()
    kept.set_int_custom_property("pushed", 1)
    json_kept.set_json_value_custom_property("pushed", 1.0)
    assert [part_of(one.mlmd_artifact).number("pushed") for one in (kept, json_kept)] == [1, 1]


def test_only_steps_that_said_so_have_a_time() -> None:
    """Steps come in the DAG's order, those without a stamp not at all."""
    parts = {"model": Part("", {"seconds": 3}), "examples": Part("", {"seconds": 1.5}), "statistics": Part("")}
    assert list(timings(parts).items()) == [("ExampleGen", 1.5), ("Trainer", 3.0)]
