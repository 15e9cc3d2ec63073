"""What Kubeflow's pages read of a run, as the metadata of artifacts.

The same keys as kfp.dsl's Metrics.log_metric, ClassificationMetrics.log_roc_curve and log_confusion_matrix, and
SlicedClassificationMetrics write; kubeflow/pipelines, frontend/src/components/viewers/MetricsVisualizations.tsx reads
them. Kubeflow's launcher takes no null, and of Metrics numbers only.
"""

from __future__ import annotations

import math
from typing import Any

from components.report.evaluation import Classified, Evaluation
from components.results import ALL_ROWS

MOST_SLICES = 20  # each is a matrix and a curve on one page


def metrics_metadata(evaluation: Evaluation) -> dict[str, float]:
    """Returns the metrics on all rows, those that are finite numbers, and the number of rows."""
    overall = next((row for row in evaluation.rows if row.name == ALL_ROWS), None)
    if overall is None:
        return {}
    values = {name: cell.value for name, cell in zip(evaluation.metrics, overall.cells, strict=True)}
    finite = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
    return finite | {"rows": float(overall.examples)}


def classification_metadata(classified: Classified) -> dict[str, Any]:
    """Returns the confusion matrix and the ROC curve; neither where there is none, as of a regression."""
    metadata: dict[str, Any] = {}
    if classified.confusion:
        metadata["confusionMatrix"] = {
            "annotationSpecs": [{"displayName": name} for name in classified.classes],
            "rows": [{"row": list(row)} for row in classified.confusion],
        }
    if classified.curve:
        metadata["confidenceMetrics"] = [
            {"confidenceThreshold": at.threshold, "recall": at.recall, "falsePositiveRate": at.false_positive_rate}
            for at in classified.curve
        ]
    return metadata


def sliced_metadata(evaluation: Evaluation) -> dict[str, Any]:
    """Returns the classification of the largest slices, at most MOST_SLICES of them."""
    largest = sorted(evaluation.rows, key=lambda row: -row.examples)
    names = [row.name for row in largest if row.name in evaluation.by_slice][:MOST_SLICES]
    slices = [
        {"slice": name, "sliceClassificationMetrics": metadata}
        for name in names
        if (metadata := classification_metadata(evaluation.by_slice[name]))
    ]
    return {"evaluationSlices": slices} if slices else {}
