"""A model server without TensorFlow's graphs, for tests: both protocols over real sockets, on a function of arrays.

It speaks what the client needs: Predict, GetModelMetadata and GetModelStatus, and the same over REST.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import grpc
import numpy as np
from tensorflow import as_dtype
from tensorflow.core.framework.types_pb2 import DataType
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceServicer, add_ModelServiceServicer_to_server
from tensorflow_serving.apis.prediction_service_pb2_grpc import (
    PredictionServiceServicer,
    add_PredictionServiceServicer_to_server,
)

from serving.client.errors import CODES
from serving.client.served import Signature, Tensor
from serving.client.tensors import to_array, to_proto
from serving.client.transport import Array

HTTP = {code: status for status, code in CODES.items()}
LOCALHOST = "127.0.0.1"


class Failure(Exception):
    """An answer that is an error, or, with the code DROP, a connection that breaks."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass
class FakeModel:
    """A model that is served.

    Attributes:
      call: gives a signature's outputs for its name and inputs; texts are bytes. May raise a Failure.
      failures: what the next Predict requests get instead of an answer, one each.
      targets: (model, version, label) of each request, in their order.
      sizes: the rows of each Predict request that came to `call`.
      most_at_once: how many of them were under way at the same time, at most.
    """

    signatures: Mapping[str, Signature]
    call: Callable[[str, Mapping[str, Array]], Mapping[str, Array]]
    name: str = "fake"
    version: int = 3
    failures: deque[Failure] = field(default_factory=deque)
    targets: list[tuple[str, str, str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    most_at_once: int = 0
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, name: str, version: str, label: str) -> None:
        """Notes who is asked for.

        Raises:
          Failure: it is another model, or a version or label that there is not.
        """
        self.targets.append((name, version, label))
        if name != self.name:
            raise Failure("NOT_FOUND", f"Servable not found for request: Latest({name})")
        if version not in {"", str(self.version)}:
            raise Failure("NOT_FOUND", f"Servable not found for request: Specific({name}, {version})")
        if label not in {"", "stable"}:
            raise Failure("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")

    def predict(self, signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Returns the outputs, or raises the next failure."""
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            failure = self.failures.popleft() if self.failures else None
            self.sizes.append(next((len(array) for array in inputs.values() if array.shape), 0))
        try:
            if failure:
                raise failure
            return self.call(signature, inputs)
        finally:
            with self._lock:
                self._under_way -= 1


def half_plus_two(**inputs: Tensor) -> FakeModel:
    """Returns the model y = 0.5 x + 2, which also gives the texts of `name` as greetings; NaN where x is."""
    columns = inputs or {"x": Tensor("x", "float32", (-1,)), "name": Tensor("name", "string", (-1,))}
    outputs = {"y": Tensor("y", "float32", (-1,)), "greeting": Tensor("greeting", "string", (-1,))}
    signature = Signature("predict_columns", columns, outputs)
    return FakeModel({"predict_columns": signature}, _half_plus_two)


def _half_plus_two(signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    del signature
    if any(text.startswith(b"bad") for text in inputs["name"]):
        raise Failure("INVALID_ARGUMENT", "the graph takes no such name")
    greetings = np.array([b"hello " + text for text in inputs["name"]] + [None], object)[:-1]
    return {"y": inputs["x"] * np.float32(0.5) + 2, "greeting": greetings}


@contextmanager
def grpc_server(model: FakeModel) -> Iterator[str]:
    """Serves a model over gRPC; gives the address."""
    server = grpc.server(futures.ThreadPoolExecutor(16))
    add_PredictionServiceServicer_to_server(_Predictions(model), server)
    add_ModelServiceServicer_to_server(_Models(model), server)
    port = server.add_insecure_port(f"{LOCALHOST}:0")
    server.start()
    try:
        yield f"{LOCALHOST}:{port}"
    finally:
        server.stop(None).wait()


@contextmanager
def rest_server(model: FakeModel) -> Iterator[str]:
    """Serves a model over REST; gives the address."""
    handler = type("Handler", (_Handler,), {"model": model})
    server = _Server((LOCALHOST, 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{LOCALHOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Predictions(PredictionServiceServicer):
    def __init__(self, model: FakeModel) -> None:
        self._model = model

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _aborting(context):
            self._model.find(*_target(request.model_spec))
            inputs = {name: to_array(proto) for name, proto in request.inputs.items()}
            response = predict_pb2.PredictResponse()
            for name, array in self._model.predict(request.model_spec.signature_name, inputs).items():
                response.outputs[name].CopyFrom(to_proto(array))
            return response

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _aborting(context):
            self._model.find(*_target(request.model_spec))
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = self._model.name
            response.model_spec.version.value = self._model.version
            response.metadata["signature_def"].Pack(_signature_defs(self._model))
            return response


class _Models(ModelServiceServicer):
    def __init__(self, model: FakeModel) -> None:
        self._model = model

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _aborting(context):
            self._model.find(*_target(request.model_spec))
            response = get_model_status_pb2.GetModelStatusResponse()
            response.model_version_status.add(version=self._model.version, state="AVAILABLE")
            return response


def _target(spec: Any) -> tuple[str, str, str]:
    version = str(spec.version.value) if spec.HasField("version") else ""
    return spec.name, version, spec.version_label


@contextmanager
def _aborting(context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        context.abort(grpc.StatusCode[failure.code], failure.message)


def _signature_defs(model: FakeModel) -> Any:
    defs = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in model.signatures.items():
        for infos, tensors in (
            (defs.signature_def[name].inputs, signature.inputs),
            (defs.signature_def[name].outputs, signature.outputs),
        ):
            for alias, tensor in tensors.items():
                infos[alias].dtype = as_dtype(tensor.dtype).as_datatype_enum
                for size in tensor.shape or ():
                    infos[alias].tensor_shape.dim.add().size = size
                infos[alias].tensor_shape.unknown_rank = tensor.shape is None
    return defs


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections that wait to be accepted: socketserver's 5 are fewer than tests open at once

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a client that has gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    model: FakeModel
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(self._read)

    def do_POST(self) -> None:
        self._answer(self._predict)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is http.server's
        """Says nothing."""

    def _read(self) -> Any:
        path = self.path.removesuffix("/metadata")
        self._find(path)
        return self._status() if path == self.path else self._metadata()

    def _status(self) -> Any:
        status = {"error_code": "OK", "error_message": ""}
        return {"model_version_status": [{"version": str(self.model.version), "state": "AVAILABLE", "status": status}]}

    def _metadata(self) -> Any:
        defs = {
            name: {
                "inputs": {alias: _info(tensor) for alias, tensor in signature.inputs.items()},
                "outputs": {alias: _info(tensor) for alias, tensor in signature.outputs.items()},
            }
            for name, signature in self.model.signatures.items()
        }
        spec = {"name": self.model.name, "signature_name": "", "version": str(self.model.version)}
        return {"model_spec": spec, "metadata": {"signature_def": {"signature_def": defs}}}

    def _predict(self) -> Any:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._find(self.path.removesuffix(":predict"))
        signature = self.model.signatures[body["signature_name"]]
        inputs = {name: _from_json(body["inputs"][name], tensor) for name, tensor in signature.inputs.items()}
        outputs = {name: _to_json(array) for name, array in self.model.predict(signature.name, inputs).items()}
        return {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}

    def _find(self, path: str) -> None:
        model, *rest = path.removeprefix("/v1/models/").split("/")
        kind, value = rest or ("", "")
        version, label = (value if kind == of else "" for of in ("versions", "labels"))
        self.model.find(unquote(model), version, unquote(label))

    def _answer(self, make: Callable[[], Any]) -> None:
        try:
            status, answer = 200, make()
        except Failure as failure:
            if failure.code == "DROP":
                self.close_connection = True
                return
            status, answer = HTTP[failure.code], {"error": failure.message}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _info(tensor: Tensor) -> Any:
    dims = [{"size": str(size), "name": ""} for size in tensor.shape or ()]
    dtype = DataType.Name(as_dtype(tensor.dtype).as_datatype_enum)
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": tensor.shape is None}, "name": tensor.name}


def _from_json(values: Any, tensor: Tensor) -> Array:
    if tensor.dtype != "string":
        return np.array(values, tensor.numpy)
    texts = [value.encode() if isinstance(value, str) else base64.b64decode(value["b64"]) for value in values]
    return np.array([*texts, None], object)[:-1]


def _to_json(array: Array) -> Any:
    return [text.decode() for text in array.tolist()] if array.dtype == object else array.tolist()
