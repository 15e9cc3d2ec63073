"""What the request log is told of REST: messages as gRPC has them, made only of requests that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from tensorflow_serving.apis.classification_pb2 import ClassificationResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.regression_pb2 import RegressionResponse

from serving.server.inference import classify, regress
from serving.server.protos import wire_pb2
from serving.server.request_inputs import entry_of
from serving.server.request_log import Serializable
from serving.server.servable import Array, Servable
from serving.server.tensors import from_array

Arrays = Mapping[str, Array]


class Call(NamedTuple):
    """A call of a model, as a `request_log.Logger` takes it."""

    api: str
    model_name: str
    request: Serializable
    response: Serializable


@dataclass(frozen=True, slots=True)
class _Later:
    """A message that is made when it is written."""

    make: Callable[[], Any]

    def SerializeToString(self) -> bytes:
        serialized: bytes = self.make().SerializeToString()
        return serialized


def predicted(spec: ModelSpec, key: str, servable: Servable, inputs: Arrays, outputs: Arrays) -> Call:
    """Returns a Predict of the signature `key`, which gave these arrays for those."""
    answer = partial(_predict_response, servable, key, outputs)
    return _call("Predict", spec, partial(_predict_request, spec, key, inputs), answer)


def classified(
    spec: ModelSpec, key: str, servable: Servable, examples: Sequence[bytes], found: tuple[Array | None, Array | None]
) -> Call:
    """Returns a Classify of tf.Examples, which gave these classes and scores."""
    answer = partial(_classification, servable, key, found)
    return _call("Classify", spec, partial(_examples_request, spec, key, examples), answer)


def regressed(spec: ModelSpec, key: str, servable: Servable, examples: Sequence[bytes], values: Array) -> Call:
    """Returns a Regress of tf.Examples, which gave these numbers."""
    answer = partial(_regression, servable, key, values)
    return _call("Regress", spec, partial(_examples_request, spec, key, examples), answer)


def _call(api: str, spec: ModelSpec, request: Callable[[], Any], response: Callable[[], Any]) -> Call:
    return Call(api, spec.name, _Later(request), _Later(response))


def _asked(spec: ModelSpec, key: str) -> bytes:
    asked = ModelSpec(signature_name=key)
    asked.MergeFrom(spec)
    serialized: bytes = asked.SerializeToString()
    return serialized


def _answered(servable: Servable, key: str) -> ModelSpec:
    answered = ModelSpec(name=servable.name, signature_name=key)
    answered.version.value = servable.version
    return answered


def _predict_request(spec: ModelSpec, key: str, inputs: Arrays) -> wire_pb2.PredictRequest:
    entries = [entry_of(alias, array) for alias, array in inputs.items()]
    return wire_pb2.PredictRequest(model_spec=_asked(spec, key), inputs=entries)


def _predict_response(servable: Servable, key: str, outputs: Arrays) -> wire_pb2.PredictResponse:
    response = wire_pb2.PredictResponse(model_spec=_answered(servable, key).SerializeToString())
    for alias, array in outputs.items():
        from_array(array, response.outputs[alias])
    return response


def _examples_request(spec: ModelSpec, key: str, examples: Sequence[bytes]) -> wire_pb2.ExamplesRequest:
    request = wire_pb2.ExamplesRequest(model_spec=_asked(spec, key))
    request.input.example_list.examples.extend(examples)
    return request


def _classification(servable: Servable, key: str, found: tuple[Array | None, Array | None]) -> ClassificationResponse:
    return ClassificationResponse(result=classify.result(*found), model_spec=_answered(servable, key))


def _regression(servable: Servable, key: str, values: Array) -> RegressionResponse:
    return RegressionResponse(result=regress.result(values), model_spec=_answered(servable, key))
