"""Requests below /v1/ to answers (model_servers/http_rest_api_handler.cc and http_server.cc)."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from orjson import dumps
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusResponse, ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.inference import classify, metadata, predict, regress
from serving.server.request_log import Logger, log_nothing
from serving.server.rest import example_json, logged, request_json, response_json
from serving.server.rest.message import JSON, Headers, Request, Response
from serving.server.rest.options import RestOptions
from serving.server.rest.routes import BadVersion, Route, route
from serving.server.servable import Servable, Signature
from serving.server.status import HTTP_CODES, StatusError, invalid_argument
from serving.server.timing import Timed

log = logging.getLogger(__name__)
Ran = Callable[[str, str, float], None]

CORS: Headers = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Content-Type"),
)
ORIGIN = re.compile(rb"https?://")


class Answer(NamedTuple):
    """What a request that is good gets.

    Attributes:
      signature: the name of the one that gave it.
      call: of a model, for the request log.
    """

    body: bytes
    signature: str = ""
    call: logged.Call | None = None


class Core(Protocol):
    """The models that are served; `lifecycle.core.Core` is one."""

    def servable(self, spec: ModelSpec) -> AbstractContextManager[Servable]:
        """Holds a version of a model while it is used."""

    def statuses(self, name: str, version: int | None) -> list[ModelVersionStatus]:
        """Returns the states of a model's versions, the highest first."""

    def names(self) -> list[str]:
        """Returns the models' names."""

    def is_ready(self) -> bool:
        """Tells whether every model has a version that answers."""


class Observer(Protocol):
    """Is told of each request, for metrics."""

    def answered(
        self, model_name: str, api: str, entrypoint: str, code: StatusCode, seconds: float, signature_name: str = ""
    ) -> None:
        """A request has its answer."""

    def ran(self, model_name: str, api: str, seconds: float) -> None:
        """A call of a model has taken so long."""


def _tell_nobody(model_name: str, api: str, seconds: float) -> None:
    """Is told of a call of a model where there is no observer."""


def handle(
    core: Core,
    request: Request,
    options: RestOptions,
    observer: Observer | None = None,
    logger: Logger = log_nothing,
) -> Response:
    """Returns the answer to a request below /v1/; it raises nothing."""
    headers = CORS if options.enable_cors_support else ()
    if request.method == "OPTIONS":
        origin = request.headers.get(b"origin", b"")
        return Response(200 if ORIGIN.match(origin) else HTTP_CODES[StatusCode.FAILED_PRECONDITION], headers)
    started = time.perf_counter()
    asked, code, signature = None, StatusCode.OK, ""
    try:
        asked = route(request.method, request.target)
        body, signature, call = ACTIONS[asked.action](core, asked, request, observer.ran if observer else _tell_nobody)
        if call:
            logger(*call)
    except BadVersion as error:
        code, body = error.code, b""
    except StatusError as error:
        code, body = error.code, response_json.error(error.message)
    except Exception:  # the server lives on whatever a request does to it
        log.exception("%s %s failed in a way that nobody foresaw", request.method, request.target)
        code, body = StatusCode.INTERNAL, response_json.error("Internal error")
    if observer is not None:
        seconds = time.perf_counter() - started
        name, api = (asked.spec.name, asked.api) if asked else ("", "")
        observer.answered(name, api, "REST", code, seconds, signature)
    return Response(HTTP_CODES[code], JSON + headers, body)


def _predict(core: Core, asked: Route, request: Request, ran: Ran) -> Answer:
    document = request_json.document(request.body)
    key = document.get(request_json.SIGNATURE) or predict.DEFAULT_SIGNATURE
    with core.servable(asked.spec) as servable:
        signature = _signature(servable, key)
        inputs = request_json.inputs(document, signature)
        with Timed(ran, servable.name, "Predict"):
            outputs = predict.run(servable, signature, inputs, None, request.deadline)
    write = response_json.predictions if request_json.in_rows(document) else response_json.outputs_by_name
    body = write(outputs)
    return Answer(body, key, logged.predicted(asked.spec, key, servable, inputs, outputs))


def _signature(servable: Servable, key: str) -> Signature:
    signature = servable.signatures.get(key)
    if signature is None:
        raise invalid_argument(f'Serving signature name: "{key}" not found in signature def')
    return signature


def _classify(core: Core, asked: Route, request: Request, ran: Ran) -> Answer:
    key, examples = _examples(request)
    with core.servable(asked.spec) as servable, Timed(ran, servable.name, "Classify"):
        found = classify.run(servable, key, examples, request.deadline)
    body = response_json.classifications(*found)
    return Answer(body, key, logged.classified(asked.spec, key, servable, examples, found))


def _regress(core: Core, asked: Route, request: Request, ran: Ran) -> Answer:
    key, examples = _examples(request)
    with core.servable(asked.spec) as servable, Timed(ran, servable.name, "Regress"):
        values = regress.run(servable, key, examples, request.deadline)
    body = response_json.regressions(values)
    return Answer(body, key, logged.regressed(asked.spec, key, servable, examples, values))


def _examples(request: Request) -> tuple[str, list[bytes]]:
    document = request_json.document(request.body)
    key = document.get(request_json.SIGNATURE) or predict.DEFAULT_SIGNATURE
    return key, example_json.examples(document)


def _status(core: Core, asked: Route, request: Request, ran: Ran) -> Answer:
    del request, ran
    version = asked.spec.version.value if asked.spec.HasField("version") else None  # a label is not looked at
    answer = GetModelStatusResponse(model_version_status=core.statuses(asked.spec.name, version))
    for state in answer.model_version_status:
        state.status.SetInParent()  # it is written even when all is well
    return Answer(dumps(_as_dict(answer)))


def _metadata(core: Core, asked: Route, request: Request, ran: Ran) -> Answer:
    del request, ran
    with core.servable(asked.spec) as servable:
        answer = metadata.response(servable)
    signatures = SignatureDefMap()
    answer.metadata[metadata.FIELD].Unpack(signatures)
    body = {"model_spec": _as_dict(answer.model_spec), "metadata": {metadata.FIELD: _as_dict(signatures)}}
    return Answer(dumps(body))


def _as_dict(message: Any) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


ACTIONS: dict[str, Callable[[Core, Route, Request, Ran], Answer]] = {
    "predict": _predict,
    "classify": _classify,
    "regress": _regress,
    "status": _status,
    "metadata": _metadata,
}
