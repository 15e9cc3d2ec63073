from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from components.report.curves import Reading
from components.report.evaluation import Classified, Evaluation, evaluation_of
from tests.components.report import evaluations


@pytest.fixture(scope="module")
def binary(binary_folder: Path) -> Evaluation:
    """The evaluation of a yes or no, by city."""
    return evaluation_of(str(binary_folder))


def test_each_slice_is_a_row_with_the_bars_that_bind_it(binary: Evaluation) -> None:
    """All rows come first with their bar, then the cities, of which only the one named has the bar of a slice."""
    assert [row.name for row in binary.rows] == ["all rows", *(f"city={city}" for city in evaluations.CITIES)]
    auc, accuracy = binary.metrics.index("auc"), binary.metrics.index("accuracy")
    assert [row.cells[auc].bar.least for row in binary.rows] == [0.7, None, None, None]
    assert [row.cells[accuracy].bar.least for row in binary.rows] == [None, 0.99, None, None]
    assert [row.is_missed for row in binary.rows] == [False, True, False, False]


def test_the_confusion_matrix_is_that_of_the_threshold(binary: Evaluation) -> None:
    """Accuracy, precision and recall, which TFMA counts by itself, follow from the matrix."""
    (right_no, wrong_yes), (wrong_no, right_yes) = binary.overall.confusion
    assert binary.threshold == 0.4
    values = dict(zip(binary.metrics, (cell.value for cell in binary.rows[0].cells), strict=True))
    assert right_no + wrong_yes + wrong_no + right_yes == binary.rows[0].examples == 300
    assert values["accuracy"] == pytest.approx((right_no + right_yes) / 300)
    assert values["precision"] == pytest.approx(right_yes / (right_yes + wrong_yes))
    assert values["recall"] == pytest.approx(right_yes / (right_yes + wrong_no))


def test_the_area_under_the_curve_is_the_auc(binary: Evaluation) -> None:
    """The ROC curve of a hundred thresholds goes from (0, 0) to (1, 1), and below it lies the AUC that TFMA gives."""
    curve = binary.overall.curve
    assert curve[0][1:] == (0, 0)
    assert curve[-1] == Reading(0.0, 1.0, 1.0)
    area = sum(
        (right.false_positive_rate - left.false_positive_rate) * (left.recall + right.recall) / 2
        for left, right in pairwise(curve)
    )
    auc = binary.rows[0].cells[binary.metrics.index("auc")].value
    assert area == pytest.approx(auc, abs=0.005)


def test_every_slice_is_classified_by_itself(binary: Evaluation) -> None:
    """The matrices of the cities add up to that of all rows."""
    cities = [one for name, one in binary.by_slice.items() if name != "all rows"]
    cells = [sum(sum(city.confusion[row]) for city in cities) for row in (0, 1)]
    assert cells == [sum(row) for row in binary.overall.confusion]


def test_calibration_counts_every_row_once(binary: Evaluation) -> None:
    """The ten ranges hold all rows, each range's probability lies in it, and here it is about what happens."""
    ranges = binary.overall.calibration
    assert sum(one.rows for one in ranges) == 300
    assert [int(one.probability * 10) for one in ranges] == list(range(10))
    assert all(abs(one.share - one.probability) < 0.35 for one in ranges)


def test_several_classes_have_a_matrix_of_their_names(tmp_path: Path) -> None:
    """Rows are the true classes, columns the likeliest ones; the curve is that of all pairs of a row and a class."""
    evaluation = evaluation_of(str(evaluations.multiclass(tmp_path / "evaluation")), ("bus", "car"))
    assert evaluation.overall.classes == ("bus", "car", "2")
    assert evaluation.overall.confusion == ((2, 0, 0), (1, 1, 1), (0, 0, 1))
    assert evaluation.overall.curve[-1] == Reading(0.0, 1.0, 1.0)
    assert [one.name for one in evaluation.classes] == ["bus", "car", "2"]
    assert evaluation.threshold is None


def test_a_regression_classifies_nothing(tmp_path: Path) -> None:
    """It has its metrics, and neither matrix nor curve."""
    evaluation = evaluation_of(str(evaluations.regression(tmp_path / "evaluation")))
    assert evaluation.overall == Classified()
    assert "rmse" in evaluation.metrics
