from __future__ import annotations

import json
import math

import pytest
from google.protobuf import json_format
from kfp import dsl
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils

from components import artifacts
from components.report.evaluation import Classified
from components.report.kubeflow import MOST_SLICES, classification_metadata, metrics_metadata, sliced_metadata
from tests.components.report.facts import CLASSIFIED, CURVE, evaluation, row


def test_a_classification_is_what_kfp_logs() -> None:
    """The matrix and the curve have the keys and shapes that kfp's own class writes."""
    theirs = dsl.ClassificationMetrics()
    theirs.log_confusion_matrix(["no", "yes"], [[30, 10], [5, 15]])
    theirs.log_roc_curve(
        [at.false_positive_rate for at in CURVE], [at.recall for at in CURVE], [at.threshold for at in CURVE]
    )
    assert classification_metadata(CLASSIFIED) == theirs.metadata


def test_slices_are_what_kfp_logs() -> None:
    """Each slice has the key and the matrix that kfp's own class writes of it."""
    theirs = dsl.SlicedClassificationMetrics()
    theirs._sliced_metrics = {}
    for name in ("all rows", "city=Rome"):
        theirs.set_confusion_matrix_categories(name, ["no", "yes"])
        theirs.log_confusion_matrix_row(name, "no", [30, 10])
        theirs.log_confusion_matrix_row(name, "yes", [5, 15])
    ours = sliced_metadata(evaluation(row("city=Rome", 0.5)))
    for one in ours["evaluationSlices"]:
        del one["sliceClassificationMetrics"]["confidenceMetrics"]
    assert ours == theirs.metadata


def test_only_the_largest_slices_are_shown() -> None:
    """A page of hundreds of matrices helps nobody."""
    rows = [row(f"zone={zone}", 0.5, 100 + zone) for zone in range(100)]
    slices = [one["slice"] for one in sliced_metadata(evaluation(*rows))["evaluationSlices"]]
    assert slices == [f"zone={zone}" for zone in range(99, 99 - MOST_SLICES, -1)]


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_metrics_are_finite_numbers(value: float | None) -> None:
    """What is no number is left out: Kubeflow's launcher refuses a metric of any other kind."""
    assert metrics_metadata(evaluation(rows=(row("all rows", value, 60),))) == {"rows": 60.0}
    assert metrics_metadata(evaluation()) == {"accuracy": 0.75, "rows": 60.0}


def test_a_regression_carries_no_classification() -> None:
    """There is no matrix and no curve to show, and none is made up."""
    given = evaluation(by_slice={}, threshold=None)
    assert classification_metadata(given.overall) == classification_metadata(Classified()) == {}
    assert sliced_metadata(given) == {}


def test_tfx_hands_the_metadata_on_as_it_is() -> None:
    """JSON custom properties of an artifact become the runtime artifact's metadata, which Kubeflow stores."""
    artifact = artifacts.ClassificationMetrics()
    for name, value in classification_metadata(CLASSIFIED).items():
        artifact.set_json_value_custom_property(name, value)
    runtime = kubeflow_v2_entrypoint_utils.to_runtime_artifact(artifact, {})
    assert json_format.MessageToDict(runtime)["metadata"] == json.loads(json.dumps(classification_metadata(CLASSIFIED)))
