"""Our Evaluator on a model of one weight: with no baseline, with a better one, and what goes into the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import json_format, text_format
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import Channel
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation, Schema

from components.baseline import IS_BASELINE_PROPERTY
from components.blessed_models import entries
from components.evaluator import Evaluator, Executor, record_blessed, with_real_baseline
from components.row_counts import ROWS_PROPERTY
from schema.errors import StepFailed
from tests.components.tables import to_examples, write_records

SCHEMA = 'feature { name: "x" type: FLOAT presence { min_fraction: 1 } shape {} }'
CONFIG = """
    model_specs { name: "candidate" label_key: "y" signature_name: "serving_default" model_type: "tf_generic" }
    model_specs {
        name: "baseline" is_baseline: true label_key: "y" signature_name: "serving_default" model_type: "tf_generic"
    }
    slicing_specs {}
    metrics_specs {
        metrics { class_name: "ExampleCount" }
        metrics {
            class_name: "MeanSquaredError"
            threshold {
                value_threshold { upper_bound { value: 10 } }
                change_threshold { absolute { value: 0 } direction: LOWER_IS_BETTER }
            }
        }
    }
"""
PLAIN = [f"--{flag}" for flag in ("direct_running_mode=in_memory", "no_save_main_session")]


class Times(tf.Module):
    """Answers x times a number; right is 2."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self._by = tf.Variable(by)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature that TFMA calls."""
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        return {"output": parsed["x"] * self._by}


@dataclass(frozen=True)
class Verdict:
    """What an evaluation came to."""

    blessing: ModelBlessing
    ledger: Path

    @property
    def is_blessed(self) -> bool:
        """Whether the model was blessed."""
        return bool(self.blessing.get_int_custom_property("blessed"))

    @property
    def recorded(self) -> list[str]:
        """The names of the models in the ledger."""
        return [Path(entry.origin).name for entry in entries(self.ledger)]


def model(folder: Path, by: float) -> Model:
    """Returns the artifact of a model."""
    module = Times(by)
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_default": module.serve})
    artifact = Model()
    artifact.uri = str(folder)
    artifact.mlmd_artifact.create_time_since_epoch = int(by * 1000)
    artifact.set_string_custom_property("tfx_version", "1.21.0")
    return artifact


def examples(folder: Path, said: int = 3) -> Examples:
    """Returns three rows of which y is twice x; ExampleGen said that it wrote so many."""
    rows = {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]}
    write_records(folder / "Split-test" / "data.gz", to_examples(rows))
    artifact = Examples()
    artifact.uri, artifact.split_names = str(folder), encode_split_names(["test"])
    examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(artifact, "tfrecords_gzip")
    artifact.set_string_custom_property(ROWS_PROPERTY, f'{{"test": {said}}}')
    return artifact


def schema(folder: Path) -> Schema:
    """Returns the schema of the rows."""
    folder.mkdir()
    label = SCHEMA.replace('"x"', '"y"')
    (folder / "schema.pbtxt").write_text(f"{SCHEMA} {label}")
    artifact = Schema()
    artifact.uri = str(folder)
    return artifact


def evaluate(folder: Path, candidate: float, baseline: float | None, text: str = CONFIG, said: int = 3) -> Verdict:
    """Evaluates a model as the step does; a baseline of None is what Baseline makes of an empty ledger."""
    none = Model()
    none.uri = str(folder / "none")
    compared = none if baseline is None else model(folder / "baseline", baseline)
    compared.set_int_custom_property(IS_BASELINE_PROPERTY, int(baseline is not None))
    inputs = {
        "examples": [examples(folder / "examples", said)],
        "model": [model(folder / "candidate", candidate)],
        "baseline_model": [compared],
        "schema": [schema(folder / "schema")],
    }
    evaluation, blessing = ModelEvaluation(), ModelBlessing()
    evaluation.uri, blessing.uri = str(folder / "evaluation"), str(folder / "blessing")
    context = Executor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(options=PipelineOptions(PLAIN)))
    config = text_format.Parse(text, config_pb2.EvalConfig())
    properties = {
        "eval_config": json_format.MessageToJson(config),
        "example_splits": '["test"]',
        "blessed_models": str(folder / "blessed"),
    }
    Executor(context).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties)
    return Verdict(blessing, folder / "blessed")


def test_a_first_model_is_held_to_its_bars_alone_and_recorded(tmp_path: Path) -> None:
    """A baseline that holds no model is left out: change thresholds do not count, and the blessing names none."""
    verdict = evaluate(tmp_path, candidate=2.5, baseline=None)
    assert verdict.is_blessed
    assert verdict.recorded == ["candidate"]
    assert entries(verdict.ledger)[0].made == 2500
    assert verdict.blessing.get_string_custom_property("current_model") == str(tmp_path / "candidate")
    assert not verdict.blessing.has_custom_property("baseline_model")


def test_a_model_that_is_worse_than_the_baseline_is_not_recorded(tmp_path: Path) -> None:
    """It clears the bars, but not the change that is allowed; the blessing names what it was compared with."""
    verdict = evaluate(tmp_path, candidate=2.5, baseline=2.0)
    assert not verdict.is_blessed
    assert verdict.recorded == []
    assert verdict.blessing.get_string_custom_property("baseline_model") == str(tmp_path / "baseline")


def test_a_model_that_is_held_to_no_bar_is_not_blessed(tmp_path: Path) -> None:
    """Forgotten bars bless nothing: neither a verdict nor an entry in the ledger."""
    without_bars = f"{CONFIG[: CONFIG.index('threshold')]} }} }}"
    verdict = evaluate(tmp_path, candidate=2.0, baseline=None, text=without_bars)
    assert not verdict.blessing.has_custom_property("blessed")
    assert not list(tmp_path.glob("blessing/*"))
    assert verdict.recorded == []


def test_a_row_that_is_not_evaluated_fails_the_step(tmp_path: Path) -> None:
    """Where ExampleGen wrote a row more than the model was measured on, no verdict is given."""
    with pytest.raises(StepFailed, match="Evaluator: the test split has 4 rows, as ExampleGen wrote it, and 3 are"):
        evaluate(tmp_path, candidate=2.0, baseline=None, said=4)
    assert not (tmp_path / "blessing").exists()


@pytest.mark.parametrize("blessed", [None, 0])
def test_only_a_blessed_model_is_recorded(tmp_path: Path, blessed: int | None) -> None:
    """A verdict of no, and none at all, as where no bar is configured, leave no entry and no folder."""
    blessing = ModelBlessing()
    if blessed is not None:
        blessing.set_int_custom_property("blessed", blessed)
    record_blessed({"model": [Model()]}, {"blessing": [blessing]}, tmp_path / "blessed")
    assert not (tmp_path / "blessed").exists()


def test_inputs_other_than_the_baseline_pass_as_they_are() -> None:
    """What came in is not changed, for TFX's launcher writes it to the metadata store."""
    given: dict[str, Any] = {"model": [Model()], "baseline_model": [Model()]}
    passed = with_real_baseline(given)
    assert (passed["model"], passed["baseline_model"]) == (given["model"], [])
    assert len(given["baseline_model"]) == 1


def test_the_step_keeps_its_name_and_is_given_the_ledger() -> None:
    """It is the Evaluator of TFX, with one property more."""
    step = Evaluator(
        examples=Channel(type=Examples),
        model=Channel(type=Model),
        baseline_model=Channel(type=Model),
        schema=Channel(type=Schema),
        eval_config=text_format.Parse(CONFIG, config_pb2.EvalConfig()),
        example_splits=["test"],
        blessed_models="/ledger",
    )
    assert step.id == "Evaluator"
    assert step.exec_properties["blessed_models"] == "/ledger"
    assert sorted(step.outputs) == ["blessing", "evaluation"]
