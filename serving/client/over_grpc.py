"""The way to a model server over gRPC, by the stubs of tensorflow-serving-api."""

from __future__ import annotations

from typing import Any

import grpc
from tensorflow.core.framework.types_pb2 import DataType
from tensorflow.core.protobuf import error_codes_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2, predict_pb2
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.client.errors import NoModelServer, ServerError, Unreachable, error_of
from serving.client.served import Metadata, Signature, Target, Tensor, VersionStatus, tensor
from serving.client.tensors import to_array, to_proto
from serving.client.transport import Array, Tensors

OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),  # a second by default: longer than what a request waits to be retried
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Else channels of one process to the same address share a connection, and one's failure backs off the others.
    ("grpc.use_local_subchannel_pool", 1),
)
NOT_CONNECTED = ("failed to connect", "connection refused", "errors resolving", "dns resolution failed")
NO_HTTP2 = ("http1", "http/1", "trying to connect an http", "failed parsing http/2", "settings frame")


class GrpcTransport:
    """Asks PredictionService and ModelService, over one HTTP/2 connection.

    Args:
      address: host:port, or another name that gRPC knows: unix:/path, dns:///host:port.
      credentials: of a server with TLS (`grpc.ssl_channel_credentials`); without them nothing is encrypted.
    """

    def __init__(self, address: str, *, credentials: grpc.ChannelCredentials | None = None) -> None:
        self.address = address
        self._channel = (
            grpc.secure_channel(address, credentials, OPTIONS)
            if credentials
            else grpc.insecure_channel(address, OPTIONS)
        )
        self._predictions = PredictionServiceStub(self._channel)
        self._models = ModelServiceStub(self._channel)

    def predict(self, target: Target, signature: Signature, inputs: Tensors, timeout: float) -> dict[str, Array]:
        """Returns the signature's outputs, by Predict."""
        request = predict_pb2.PredictRequest(model_spec=_spec(target, signature.name))
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(to_proto(array))
        response = self._ask(self._predictions.Predict, request, timeout)
        try:
            return {name: to_array(proto) for name, proto in response.outputs.items()}
        except (TypeError, ValueError) as error:
            message = f"the answer cannot be read: {type(error).__name__}: {error}"
            raise ServerError("INTERNAL", message, self.address) from error

    def metadata(self, target: Target, timeout: float) -> Metadata:
        """Returns the version that answers, by GetModelMetadata."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_spec(target), metadata_field=["signature_def"]
        )
        response = self._ask(self._predictions.GetModelMetadata, request, timeout)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        named = {name: _signature(name, proto) for name, proto in signatures.signature_def.items()}
        return Metadata(target.model, response.model_spec.version.value, named)

    def status(self, target: Target, timeout: float) -> tuple[VersionStatus, ...]:
        """Returns how the versions fare, by GetModelStatus."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=_spec(target))
        response = self._ask(self._models.GetModelStatus, request, timeout)
        return tuple(_version_status(one) for one in response.model_version_status)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def _ask(self, method: Any, request: Any, timeout: float) -> Any:
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise self._error(error.code().name, error.details() or "no message") from error

    def _error(self, code: str, message: str) -> ServerError:
        words = message.lower()
        if any(word in words for word in NO_HTTP2):
            return NoModelServer(code, message, self.address)
        if code == "UNAVAILABLE" and any(word in words for word in NOT_CONNECTED):
            return Unreachable(code, message, self.address)
        return error_of(code, message, self.address)


def _spec(target: Target, signature: str = "") -> Any:
    spec = model_pb2.ModelSpec(name=target.model, signature_name=signature)
    if target.version is not None:
        spec.version.value = target.version
    if target.label is not None:
        spec.version_label = target.label
    return spec


def _signature(name: str, proto: Any) -> Signature:
    inputs, outputs = (
        {alias: _tensor(alias, part[alias]) for alias in sorted(part)} for part in (proto.inputs, proto.outputs)
    )
    return Signature(name, inputs, outputs)


def _tensor(alias: str, info: Any) -> Tensor:
    shape = info.tensor_shape
    sizes = None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)
    return tensor(alias, DataType.Name(info.dtype), sizes)


def _version_status(proto: Any) -> VersionStatus:
    state = get_model_status_pb2.ModelVersionStatus.State.Name(proto.state)
    code = error_codes_pb2.Code.Name(proto.status.error_code)
    return VersionStatus(proto.version, state, code, proto.status.error_message)
