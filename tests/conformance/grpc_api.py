"""A gRPC client: TensorFlow Serving's official stubs, and short ways to fill their requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    input_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

TIMEOUT = 60.0  # seconds
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]

Failure = tuple[grpc.StatusCode, str]


class Grpc:
    """The services of one server."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        secure = grpc.secure_channel
        self.channel = (
            secure(address, credentials, UNLIMITED) if credentials else grpc.insecure_channel(address, UNLIMITED)
        )
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        model = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.predict = prediction.Predict
        self.classify = prediction.Classify
        self.regress = prediction.Regress
        self.multi_inference = prediction.MultiInference
        self.metadata = prediction.GetModelMetadata
        self.status = model.GetModelStatus
        self.reload = model.HandleReloadConfigRequest

    def y(self, model: str, x: float = 2.0, **spec_fields: Any) -> float:
        """Returns the y that a half_plus_two answers for an x."""
        answer = self.predict(predict_request(spec(model, **spec_fields), {"x": [[x]]}), timeout=TIMEOUT)
        return float(tf.make_ndarray(answer.outputs["y"]).item())

    def states(self, model: str) -> dict[int, str]:
        """Returns the state of each version of a model that the server knows, in its order."""
        answer = self.status(status_request(spec(model)), timeout=TIMEOUT)
        name = get_model_status_pb2.ModelVersionStatus.State.Name
        return {version.version: name(version.state) for version in answer.model_version_status}


def spec(name: str = "", version: int | None = None, label: str = "", signature: str = "") -> Any:
    """Returns a ModelSpec with the fields that are given."""
    made = model_pb2.ModelSpec(name=name, signature_name=signature)
    if version is not None:
        made.version.value = version
    if label:
        made.version_label = label
    return made


def predict_request(model_spec: Any, inputs: Mapping[str, Any], outputs: Iterable[str] = ()) -> Any:
    """Returns a PredictRequest; inputs are TensorProtos, arrays or lists (of float numbers)."""
    request = predict_pb2.PredictRequest(model_spec=model_spec, output_filter=outputs)
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tensor(value))
    return request


def tensor(value: Any, dtype: str | None = None) -> Any:
    """Returns a TensorProto of a value; of float numbers unless it is an array or `dtype` is given."""
    if isinstance(value, tf.make_tensor_proto(0).__class__):
        return value
    default = value.dtype if isinstance(value, np.ndarray) else "float32"
    return tf.make_tensor_proto(value, dtype or default)


def examples(*made: Any, context: Any = None) -> Any:
    """Returns an Input of tf.Examples."""
    if context is None:
        return input_pb2.Input(example_list=input_pb2.ExampleList(examples=made))
    return input_pb2.Input(example_list_with_context=input_pb2.ExampleListWithContext(examples=made, context=context))


def classify_request(model_spec: Any, given: Any) -> Any:
    """Returns a ClassificationRequest."""
    return classification_pb2.ClassificationRequest(model_spec=model_spec, input=given)


def regress_request(model_spec: Any, given: Any) -> Any:
    """Returns a RegressionRequest."""
    return regression_pb2.RegressionRequest(model_spec=model_spec, input=given)


def multi_request(given: Any, *tasks: tuple[Any, str]) -> Any:
    """Returns a MultiInferenceRequest of tasks: a ModelSpec and a method name each."""
    made = [inference_pb2.InferenceTask(model_spec=model_spec, method_name=method) for model_spec, method in tasks]
    return inference_pb2.MultiInferenceRequest(input=given, tasks=made)


def status_request(model_spec: Any) -> Any:
    """Returns a GetModelStatusRequest."""
    return get_model_status_pb2.GetModelStatusRequest(model_spec=model_spec)


def metadata_request(model_spec: Any, *fields: str) -> Any:
    """Returns a GetModelMetadataRequest."""
    return get_model_metadata_pb2.GetModelMetadataRequest(model_spec=model_spec, metadata_field=fields)


def reload_request(configs: Iterable[Any]) -> Any:
    """Returns a ReloadConfigRequest that names models by their ModelConfigs."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.extend(configs)
    return model_management_pb2.ReloadConfigRequest(config=config)


def failure(call: Any, request: Any, timeout: float = TIMEOUT) -> Failure:
    """Returns the code and the message of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=timeout)
    return caught.value.code(), caught.value.details()
