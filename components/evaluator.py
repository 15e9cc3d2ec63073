"""Evaluator: TFX's, with the baseline that Baseline found; a model that it blesses goes into the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator import component, constants
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import BaseChannel, Channel, artifact_utils, standard_component_specs
from tfx.types.component_spec import ExecutionParameter
from tfx.types.standard_artifacts import ModelBlessing, ModelEvaluation
from tfx.types.standard_component_specs import (
    BASELINE_MODEL_KEY,
    BLESSING_KEY,
    EVAL_CONFIG_KEY,
    EVALUATION_KEY,
    EXAMPLE_SPLITS_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    SCHEMA_KEY,
)
from tfx.utils import io_utils, json_utils, path_utils, proto_utils

from components.baseline import BLESSED_MODELS, is_baseline
from components.blessed_models import record
from components.evaluation.measuring import Measures, measured
from components.evaluation.writing import write_results
from components.raw_examples import read_schema
from components.records.reading import files_of
from components.row_counts import check_rows

ROWS_METRIC = "example_count"  # TFMA's, not weighted
COMPONENT_ID = "current_component_id"  # which some of TFX's launchers add


class EvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """TFX's, and the folder of the ledger."""

    PARAMETERS: ClassVar = {
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        BLESSED_MODELS: ExecutionParameter(type=str),
    }


class Executor(BaseBeamExecutor):
    """Measures the model and the baseline, validates the model, and records one that is blessed."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Writes what TFX's Evaluator writes; a baseline that holds no model is none, as in a first run."""
        inputs = with_real_baseline(input_dict)
        config = _config(exec_properties, has_baseline=bool(inputs[BASELINE_MODEL_KEY]))
        models = {
            spec.name: _path(inputs[BASELINE_MODEL_KEY if spec.is_baseline else MODEL_KEY])
            for spec in config.model_specs
        }
        splits = json_utils.loads(exec_properties[EXAMPLE_SPLITS_KEY])
        files = [file for split in splits for file in files_of(inputs[EXAMPLES_KEY], split)]
        schema = read_schema(inputs[SCHEMA_KEY])
        evaluation = artifact_utils.get_single_uri(output_dict[EVALUATION_KEY])
        with self._make_beam_pipeline() as pipeline:
            metrics = measured(
                pipeline | "Files" >> beam.Create(files, reshuffle=True), Measures(config), models, schema
            )
            write_results(metrics, config, models, evaluation)
        for rows in rows_evaluated(evaluation):
            check_rows("Evaluator", inputs[EXAMPLES_KEY], splits, rows)
        if has_bars(config):
            bless(inputs, output_dict, exec_properties, is_good=tfma.load_validation_result(evaluation).validation_ok)
        record_blessed(inputs, output_dict, Path(exec_properties[BLESSED_MODELS]))


class Evaluator(component.Evaluator):
    """The step that holds the model against its bars and the baseline."""

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        baseline_model: BaseChannel,
        schema: BaseChannel,
        eval_config: config_pb2.EvalConfig,
        example_splits: list[str],
        blessed_models: str,
    ) -> None:
        """Makes the step; `blessed_models` is the folder of the ledger, the other arguments are TFX's."""
        spec = EvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            schema=schema,
            eval_config=eval_config,
            example_splits=json_utils.dumps(example_splits),
            blessed_models=blessed_models,
            evaluation=Channel(type=ModelEvaluation),
            blessing=Channel(type=ModelBlessing),
        )
        BaseBeamComponent.__init__(self, spec=spec)  # TFX's Evaluator makes a spec of its own


def with_real_baseline(input_dict: Any) -> dict[str, Any]:
    """Returns the inputs without a baseline that holds no model; TFX reads none of it as a first run."""
    real = [model for model in input_dict.get(BASELINE_MODEL_KEY, ()) if is_baseline(model)]
    return {**input_dict, BASELINE_MODEL_KEY: real}


def record_blessed(input_dict: Any, output_dict: Any, ledger: Path) -> None:
    """Puts the model into the ledger, if it is blessed."""
    blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
    if blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) != constants.BLESSED_VALUE:
        return
    model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
    record(ledger, model.uri, origin=model.uri, made=model.mlmd_artifact.create_time_since_epoch)


def rows_evaluated(evaluation: str) -> Iterator[int]:
    """Yields how many rows each model was measured on, where the metrics of all rows were asked for."""
    for of_slice in tfma.load_metrics(evaluation):
        if not of_slice.slice_key.single_slice_keys:
            for metric in of_slice.metric_keys_and_values:
                if metric.key.name == ROWS_METRIC and not metric.key.is_diff:
                    yield int(metric.value.double_value.value)


def has_bars(config: config_pb2.EvalConfig) -> bool:
    """Returns whether there is a bar: a model that is held to none is not blessed by chance."""
    return bool(tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config))


def bless(inputs: Any, output_dict: Any, exec_properties: dict[str, Any], *, is_good: bool) -> None:
    """Says of the model, as TFX does, whether it is blessed."""
    blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
    model = artifact_utils.get_single_instance(inputs[MODEL_KEY])
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    for baseline in inputs[BASELINE_MODEL_KEY]:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
    if COMPONENT_ID in exec_properties:
        blessing.set_string_custom_property("component_id", exec_properties[COMPONENT_ID])
    file, value = (
        (constants.BLESSED_FILE_NAME, constants.BLESSED_VALUE)
        if is_good
        else (constants.NOT_BLESSED_FILE_NAME, constants.NOT_BLESSED_VALUE)
    )
    io_utils.write_string_file(f"{blessing.uri}/{file}", "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)


def _config(exec_properties: dict[str, Any], *, has_baseline: bool) -> config_pb2.EvalConfig:
    """The EvalConfig with TFMA's defaults; bars on a change are none without a baseline."""
    config = config_pb2.EvalConfig()
    proto_utils.json_to_proto(exec_properties[EVAL_CONFIG_KEY], config)
    filled: config_pb2.EvalConfig = tfma.utils.update_eval_config_with_defaults(
        config, has_baseline=has_baseline, rubber_stamp=True
    )
    tfma.utils.verify_eval_config(filled)
    return filled


def _path(models: Any) -> str:
    """Where the SavedModel of the one model lies."""
    path: str = path_utils.serving_model_path(artifact_utils.get_single_uri(models))
    return path
