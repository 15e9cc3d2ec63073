"""What we read of an Evaluator's output, without TensorFlow, against what TFMA reads of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow_model_analysis as tfma

from components.results import BASELINE, CANDIDATE, eval_config_of, metrics_by_slice, missed_bars
from tests.components.test_evaluator import CONFIG, evaluate

BY_SLICE = CONFIG.replace("slicing_specs {}", 'slicing_specs {} slicing_specs { feature_keys: "x" }').replace(
    "metrics_specs {",
    'metrics_specs { metrics { class_name: "ExampleCount" } metrics { class_name: "MeanLabel" config: '
    '\'"name": "mean_label"\' }',
)
METRIC = "mean_squared_error"


def read_by_tfma(evaluation: Path, models: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, float]]:
    """Returns the numbers of each slice, as TFMA's own function gives them."""
    found = next(
        filter(None, (tfma.load_eval_result(str(evaluation), model_name=name).slicing_metrics for name in models))
    )
    return {
        key: {name: value["doubleValue"] for name, value in outputs[""][""].items() if "doubleValue" in value}
        for key, outputs in found
    }


@pytest.mark.parametrize(("baseline", "models"), [(None, CANDIDATE), (3.0, CANDIDATE), (3.0, BASELINE)])
def test_metrics_are_those_that_tfma_reads(tmp_path: Path, baseline: float | None, models: tuple[str, ...]) -> None:
    """Slice by slice, of a candidate alone, of one beside a baseline, and of the baseline."""
    evaluate(tmp_path, candidate=2.5, baseline=baseline, text=BY_SLICE)
    ours = metrics_by_slice(str(tmp_path / "evaluation"), (METRIC,), models=models)
    theirs = read_by_tfma(tmp_path / "evaluation", models)
    assert {one.name for one in ours} == {"all rows", "x=1.0", "x=2.0", "x=3.0"}
    assert len(theirs) == len(ours)
    for one in ours:
        key = tuple((feature, float(value)) for feature, value in one.slice.items())
        assert one.metrics[METRIC] == theirs[key][METRIC]
        assert (one.examples, one.mean_label) == (theirs[key]["example_count"], theirs[key]["mean_label"])


def test_the_config_is_the_one_that_tfma_reads(tmp_path: Path) -> None:
    """With TFMA's defaults filled in."""
    evaluate(tmp_path, candidate=2.5, baseline=None)
    assert eval_config_of(str(tmp_path / "evaluation")) == tfma.load_eval_result(str(tmp_path / "evaluation")).config


def test_a_bar_that_is_missed_is_a_sentence(tmp_path: Path) -> None:
    """The value and the bar are named; a model that misses none has no sentence."""
    evaluate(tmp_path / "bad", candidate=9.0, baseline=None)
    evaluate(tmp_path / "good", candidate=2.0, baseline=None)
    missed = missed_bars(str(tmp_path / "bad" / "evaluation"))
    assert missed == ["mean_squared_error is 228.6667, and must be at most 10 on all rows"]
    assert missed_bars(str(tmp_path / "good" / "evaluation")) == []
