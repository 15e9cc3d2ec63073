"""MultiInference: several classifiers and regressors of one model on one input, in one call of it.

tensorflow_serving/servables/tensorflow/multi_inference.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

from tensorflow_serving.apis.inference_pb2 import InferenceTask, MultiInferenceResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.inference import classify, examples, regress
from serving.server.inference.predict import DEFAULT_SIGNATURE
from serving.server.servable import Array, Servable, Signature
from serving.server.status import invalid_argument, unimplemented

TASKS = {
    classify.METHOD: classify.outputs_of,
    regress.METHOD: regress.outputs_of,
}


def spec_of(tasks: Sequence[InferenceTask]) -> ModelSpec:
    """Returns the first task's model, which is that of all.

    Raises:
      StatusError: there is no task, or they name several models.
    """
    if not tasks:
        raise invalid_argument("Inference request must have at least one task.")
    if any(task.model_spec.name != tasks[0].model_spec.name for task in tasks):
        raise invalid_argument("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    return tasks[0].model_spec


def run(
    servable: Servable, tasks: Sequence[InferenceTask], serialized: Sequence[bytes], deadline: float | None = None
) -> MultiInferenceResponse:
    """Returns what each task answers, in their order.

    Raises:
      StatusError: a signature is none of the model's, named twice or not of its task's kind, or the graph failed.
    """
    asked = _asked(servable, tasks)
    fetches = tuple(signature.outputs[alias].name for signature, aliases in asked for alias in aliases)
    feed = asked[0][0].inputs[examples.INPUTS].name
    arrays = iter(servable.session.run((feed,), [examples.fed(serialized)], fetches, deadline))
    response = MultiInferenceResponse()
    for task, (signature, aliases) in zip(tasks, asked, strict=True):
        result = response.results.add()
        result.model_spec.name = servable.name
        result.model_spec.version.value = servable.version
        result.model_spec.signature_name = signature.key
        _fill(result, task, {alias: next(arrays) for alias in aliases}, len(serialized))
    return response


def _asked(servable: Servable, tasks: Sequence[InferenceTask]) -> list[tuple[Signature, tuple[str, ...]]]:
    """Returns the signature of each task, and which of its outputs the task is about."""
    found: dict[str, tuple[Signature, tuple[str, ...]]] = {}
    for task in tasks:
        key = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if key not in servable.signatures:
            raise invalid_argument(f"Requested signature not found in model graph: {key}")
        if key in found:
            raise invalid_argument(f"Duplicate evaluation of signature: {key}")
        if task.method_name not in TASKS:
            raise unimplemented(f"Unsupported signature method_name: {task.method_name}")
        signature = servable.signatures[key]
        found[key] = signature, TASKS[task.method_name](signature)
    if len({signature.inputs[examples.INPUTS].name for signature, _ in found.values()}) > 1:
        raise invalid_argument("Input tensor must be the same for all Signatures.")
    return list(found.values())


def _fill(result: MultiInferenceResponse, task: InferenceTask, arrays: dict[str, Array], count: int) -> None:
    if task.method_name == classify.METHOD:
        result.classification_result.CopyFrom(classify.result(*classify.checked(arrays, count)))
    else:
        result.regression_result.CopyFrom(regress.result(regress.checked(arrays[regress.OUTPUTS], count)))
