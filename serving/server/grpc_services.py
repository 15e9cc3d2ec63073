"""PredictionService and ModelService of tensorflow_serving/apis, over gRPC."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import grpc
from grpc import StatusCode
from tensorflow_serving.apis.classification_pb2 import ClassificationResponse
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from tensorflow_serving.apis.inference_pb2 import InferenceTask
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest, ReloadConfigResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceServicer
from tensorflow_serving.apis.regression_pb2 import RegressionResponse

from serving.server.direct_methods import Method, cut
from serving.server.inference import classify, examples, metadata, multi, predict, regress
from serving.server.inference.predict import DEFAULT_SIGNATURE
from serving.server.lifecycle.core import Core
from serving.server.protos import wire_pb2
from serving.server.request_inputs import RequestInputs
from serving.server.request_log import Logger, Serialized, log_nothing
from serving.server.servable import Servable
from serving.server.status import StatusError, failed_precondition, invalid_argument
from serving.server.tensors import from_array
from serving.server.timing import Timed

PREDICTION_SERVICE = "/tensorflow.serving.PredictionService"
RELOAD_REFUSED = (
    "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported"
)

NO_RELOAD = (
    "This server is one of several processes on its port, and a request reaches only one of them. "
    "Change --model_config_file, and let --model_config_file_poll_wait_seconds tell all of them."
)


class Holder(Protocol):
    """Holds a version of a model while it is used; `Core` is one."""

    def servable(self, spec: ModelSpec) -> AbstractContextManager[Servable]:
        """Returns the version that a spec means, for a `with` block that raises StatusError if there is none."""


class Observer(Protocol):
    """Is told of each request, for metrics."""

    def answered(
        self, model_name: str, api: str, entrypoint: str, code: StatusCode, seconds: float, signature_name: str
    ) -> None:
        """One was answered `seconds` after it came."""

    def ran(self, model_name: str, api: str, seconds: float) -> None:
        """A call of the model took so long."""

    def received_examples(self, model_name: str, count: int) -> None:
        """A MultiInference request had so many."""


class PredictionService:
    """Answers from the models that are loaded; messages are taken and given as they lie on the wire."""

    def __init__(
        self, core: Holder, observer: Observer, logger: Logger = log_nothing, *, tensor_content: bool = False
    ) -> None:
        self._core = core
        self._observer = observer
        self._log = logger
        self._as_content = tensor_content
        self._specs: dict[tuple[str, int, str], bytes] = {}

    def methods(self) -> dict[str, Method]:
        """Returns what answers each path of PredictionService."""
        return {
            f"{PREDICTION_SERVICE}/Predict": self.predict,
            f"{PREDICTION_SERVICE}/Classify": self.classify,
            f"{PREDICTION_SERVICE}/Regress": self.regress,
            f"{PREDICTION_SERVICE}/MultiInference": self.multi_inference,
            f"{PREDICTION_SERVICE}/GetModelMetadata": self.model_metadata,
        }

    def predict(self, data: bytes, deadline: float | None) -> bytes:
        """Answers a PredictRequest with a PredictResponse."""
        request = wire_pb2.PredictRequest.FromString(data)
        given = RequestInputs(request.inputs)
        spec = _spec(request)
        with _Watched(self._observer, "Predict", spec), self._core.servable(spec) as servable:
            signature = servable.signatures.get(spec.signature_name or DEFAULT_SIGNATURE)
            if signature is None:
                key = spec.signature_name or DEFAULT_SIGNATURE
                raise failed_precondition(f'Serving signature key "{key}" not found.')
            inputs = given.arrays()
            with Timed(self._observer.ran, servable.name, "Predict"):
                outputs = predict.run(servable, signature, inputs, request.output_filter, deadline)
        response = wire_pb2.PredictResponse(model_spec=self._spec_bytes(servable, signature.key))
        for alias, array in outputs.items():
            from_array(array, response.outputs[alias], as_content=self._as_content)
        return self._logged("Predict", spec, data, response.SerializeToString())

    def classify(self, data: bytes, deadline: float | None) -> bytes:
        """Answers a ClassificationRequest with a ClassificationResponse."""
        spec, answered, found = self._on_examples("Classify", classify.run, data, deadline)
        response = ClassificationResponse(result=classify.result(*found), model_spec=answered)
        return self._logged("Classify", spec, data, response.SerializeToString())

    def regress(self, data: bytes, deadline: float | None) -> bytes:
        """Answers a RegressionRequest with a RegressionResponse."""
        spec, answered, found = self._on_examples("Regress", regress.run, data, deadline)
        response = RegressionResponse(result=regress.result(found), model_spec=answered)
        return self._logged("Regress", spec, data, response.SerializeToString())

    def _on_examples(
        self, api: str, run: Callable[..., Any], data: bytes, deadline: float | None
    ) -> tuple[ModelSpec, ModelSpec, Any]:
        """Returns the model asked for, the one that answered, and what `run` made of a request's tf.Examples."""
        request = wire_pb2.ExamplesRequest.FromString(data)
        spec = _spec(request)
        with _Watched(self._observer, api, spec), self._core.servable(spec) as servable:
            key = spec.signature_name or DEFAULT_SIGNATURE
            given = examples.serialized(request.input)
            with Timed(self._observer.ran, servable.name, api):
                found = run(servable, key, given, deadline)
        return spec, _spec_answered(servable, key), found

    def multi_inference(self, data: bytes, deadline: float | None) -> bytes:
        """Answers a MultiInferenceRequest with a MultiInferenceResponse."""
        request = wire_pb2.MultiInferenceRequest.FromString(data)
        tasks = [InferenceTask.FromString(task) for task in request.tasks]
        spec = multi.spec_of(tasks)
        with _Watched(self._observer, "MultiInference", spec), self._core.servable(spec) as servable:
            given = examples.serialized(request.input)
            self._observer.received_examples(servable.name, len(given))
            with Timed(self._observer.ran, servable.name, "MultiInference"):
                response = multi.run(servable, tasks, given, deadline)
        return self._logged("MultiInference", spec, data, response.SerializeToString())

    def model_metadata(self, data: bytes, deadline: float | None) -> bytes:
        """Answers a GetModelMetadataRequest with a GetModelMetadataResponse."""
        del deadline
        request = GetModelMetadataRequest.FromString(data)
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        metadata.check_fields(request.metadata_field)
        with self._core.servable(request.model_spec) as servable:
            response: bytes = metadata.response(servable).SerializeToString()
        return response

    def _logged(self, api: str, spec: ModelSpec, request: bytes, response: bytes) -> bytes:
        self._log(api, spec.name, Serialized(request), Serialized(response))
        return response

    def _spec_bytes(self, servable: Servable, key: str) -> bytes:
        name = (servable.name, servable.version, key)
        if name not in self._specs:
            spec: bytes = _spec_answered(servable, key).SerializeToString()
            self._specs[name] = spec
        return self._specs[name]


class ModelService(ModelServiceServicer):
    """Tells what is loaded, and loads something else."""

    def __init__(self, core: Core, *, reloads: bool = True) -> None:
        """`reloads` is false for one of several processes: the others would serve something else."""
        self._core = core
        self._reloads = reloads

    def GetModelStatus(self, request: GetModelStatusRequest, context: grpc.ServicerContext) -> GetModelStatusResponse:
        """Answers with the versions of a model, the highest first; a label is not looked at, as upstream does not."""
        try:
            if not request.HasField("model_spec"):
                raise invalid_argument("Missing ModelSpec")
            spec = request.model_spec
            version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
            return GetModelStatusResponse(model_version_status=self._core.statuses(spec.name, version))
        except StatusError as error:
            context.abort(error.code, cut(error.message))

    def HandleReloadConfigRequest(
        self, request: ReloadConfigRequest, context: grpc.ServicerContext
    ) -> ReloadConfigResponse:
        """Serves another set of models; answers when those that are new can be called."""
        try:
            if request.config.WhichOneof("config") != "model_config_list":
                raise invalid_argument(RELOAD_REFUSED)
            if not self._reloads:
                raise failed_precondition(NO_RELOAD)
            self._core.reload(request.config)
        except StatusError as error:
            context.abort(error.code, cut(error.message))
        return ReloadConfigResponse()


class _Watched:
    """Tells the observer how a request went, and when it has."""

    def __init__(self, observer: Observer, api: str, spec: ModelSpec) -> None:
        self._observer, self._api, self._spec = observer, api, spec

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        code = StatusCode.OK if error is None else error.code if isinstance(error, StatusError) else StatusCode.INTERNAL
        seconds = time.perf_counter() - self._began
        signature = self._spec.signature_name or DEFAULT_SIGNATURE
        self._observer.answered(self._spec.name, self._api, "GRPC", code, seconds, signature)


def _spec(request: wire_pb2.PredictRequest | wire_pb2.ExamplesRequest) -> ModelSpec:
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    return ModelSpec.FromString(request.model_spec)


def _spec_answered(servable: Servable, key: str) -> ModelSpec:
    spec = ModelSpec(name=servable.name, signature_name=key)
    spec.version.value = servable.version
    return spec
