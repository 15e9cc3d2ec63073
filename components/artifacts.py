"""The artifact types that TFX does not have.

Those of a report are Kubeflow's: `schemaTitle` system.HTML for `penstock.HTML`, and so on. What its pages read of them
is their metadata, which is their custom properties here; kfp.dsl's classes of the same names write the same.
"""

from __future__ import annotations

from tfx.types.artifact import Artifact


class GateReport(Artifact):
    """What a gate found and let pass: one `warnings.json`, a list of sentences."""

    TYPE_NAME = "penstock.GateReport"


class HTML(Artifact):
    """A page, `report.html`: in containers the entry point puts it in the place of its folder, as Kubeflow wants it."""

    TYPE_NAME = "penstock.HTML"


class Metrics(Artifact):
    """Numbers by name, as custom properties; all of them numbers, since Kubeflow's launcher refuses any other."""

    TYPE_NAME = "penstock.Metrics"


class ClassificationMetrics(Artifact):
    """`confusionMatrix` and `confidenceMetrics`, as custom properties in JSON; neither where there are no classes."""

    TYPE_NAME = "penstock.ClassificationMetrics"


class SlicedClassificationMetrics(Artifact):
    """`evaluationSlices`: of each slice its name and what ClassificationMetrics has, as a custom property in JSON."""

    TYPE_NAME = "penstock.SlicedClassificationMetrics"
