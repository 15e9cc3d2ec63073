"""Evaluator: TFX's, with the baseline that Baseline found; a model that it blesses goes into the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator import component, constants, executor
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import BaseChannel, Channel, artifact_utils, standard_component_specs
from tfx.types.component_spec import ExecutionParameter
from tfx.types.standard_artifacts import ModelBlessing, ModelEvaluation
from tfx.types.standard_component_specs import BASELINE_MODEL_KEY, BLESSING_KEY, MODEL_KEY
from tfx.utils import json_utils

from components.baseline import BLESSED_MODELS, is_baseline
from components.blessed_models import record


class EvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """TFX's, and the folder of the ledger."""

    PARAMETERS: ClassVar = {
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        BLESSED_MODELS: ExecutionParameter(type=str),
    }


class Executor(executor.Executor):
    """TFX's, between a look at the baseline and an entry in the ledger."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Evaluates the model as TFX does, without a baseline that holds no model, and records it if it is blessed."""
        super().Do(with_real_baseline(input_dict), output_dict, exec_properties)
        record_blessed(input_dict, output_dict, Path(exec_properties[BLESSED_MODELS]))


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
