"""Report: what a run came to, as one HTML file, and as the metrics and curves that Kubeflow's pages show."""

from collections.abc import Sequence
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    Examples,
    ExampleStatistics,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    PushedModel,
    TransformGraph,
)

from components.artifacts import HTML, ClassificationMetrics, GateReport, Metrics, SlicedClassificationMetrics
from components.report.facts import facts_of
from components.report.kubeflow import classification_metadata, metrics_metadata, sliced_metadata
from components.report.page import FILE, render
from components.report.parts import MADE_BY, part_of


@component
def Report(
    examples: InputArtifact[Examples],
    statistics: InputArtifact[ExampleStatistics],
    anomalies: InputArtifact[ExampleAnomalies],
    gate_report: InputArtifact[GateReport],
    transform_graph: InputArtifact[TransformGraph],
    model: InputArtifact[Model],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: InputArtifact[ModelBlessing],
    infra_blessing: InputArtifact[InfraBlessing],
    pushed_model: InputArtifact[PushedModel],
    html: OutputArtifact[HTML],
    metrics: OutputArtifact[Metrics],
    classification: OutputArtifact[ClassificationMetrics],
    sliced: OutputArtifact[SlicedClassificationMetrics],
    pipeline: Parameter[str],
) -> None:
    """Writes the report and what Kubeflow shows beside it; a regression has no classification, and gets none."""
    inputs = {
        "examples": examples,
        "statistics": statistics,
        "anomalies": anomalies,
        "gate_report": gate_report,
        "transform_graph": transform_graph,
        "model": model,
        "evaluation": evaluation,
        "blessing": blessing,
        "infra_blessing": infra_blessing,
        "pushed_model": pushed_model,
    }
    facts = facts_of(pipeline, {name: part_of(artifact.mlmd_artifact) for name, artifact in inputs.items()})
    Path(html.uri, FILE).write_text(render(facts), encoding="utf-8")
    if facts.evaluation:
        for name, value in metrics_metadata(facts.evaluation).items():
            metrics.set_float_custom_property(name, value)
        _describe(classification, classification_metadata(facts.evaluation.overall))
        _describe(sliced, sliced_metadata(facts.evaluation))


def then_report(pipeline: str, steps: Sequence[BaseNode]) -> list[BaseNode]:
    """Returns a DAG's steps, and after them the Report on what they made: `MADE_BY` says of which, by their ids."""
    outputs = {step.id: step.outputs for step in steps}
    made = {name: outputs[step][key] for name, (step, key) in MADE_BY.items()}
    return [*steps, Report(**made, pipeline=pipeline)]


def _describe(artifact: Artifact, metadata: dict[str, object]) -> None:
    for name, value in metadata.items():
        artifact.set_json_value_custom_property(name, value)
