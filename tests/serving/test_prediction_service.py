"""The services over a real port, asked by the official stubs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError
from grpc import StatusCode
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
from tensorflow_serving.apis.inference_pb2 import MultiInferenceRequest
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

from serving.server.grpc_services import PredictionService
from serving.server.request_log import Logger, Serializable, log_nothing
from serving.server.rest.fakes import FakeCore
from serving.server.servable import Array, Servable
from serving.server.status import StatusError, invalid_argument
from tests.conformance.models import example
from tests.serving.inference.models import CLASSIFY, REGRESS, floats, signature, strings
from tests.serving.inference.models import model as made
from tests.serving.ports import SECONDS, failure, serving

LONG = "ä" * 3000


@dataclass
class Told:
    """An observer, and a request log, that keep what they are told."""

    answers: list[tuple[Any, ...]] = field(default_factory=list)
    logged: list[tuple[str, str, bytes, bytes]] = field(default_factory=list)
    runs: list[tuple[str, str]] = field(default_factory=list)
    examples: list[tuple[str, int]] = field(default_factory=list)

    def answered(
        self, model_name: str, api: str, entrypoint: str, code: StatusCode, seconds: float, signature_name: str
    ) -> None:
        """See Observer."""
        assert seconds >= 0
        self.answers.append((model_name, api, entrypoint, code.name, signature_name))

    def ran(self, model_name: str, api: str, seconds: float) -> None:
        """See Observer."""
        assert seconds >= 0
        self.runs.append((model_name, api))

    def received_examples(self, model_name: str, count: int) -> None:
        """See Observer."""
        self.examples.append((model_name, count))

    def log(self, api: str, model_name: str, request: Serializable, response: Serializable) -> None:
        """See Logger."""
        self.logged.append((api, model_name, request.SerializeToString(), response.SerializeToString()))


def graph(tensors: dict[str, Array]) -> dict[str, Array]:
    """All that the model below can do."""
    if "bad" in tensors:
        raise invalid_argument(LONG)
    if "broken" in tensors:
        raise RuntimeError("nobody foresaw this")
    if "x" in tensors:
        return {"y": tensors["x"] / 2 + 2, "twice": tensors["x"] * 2}
    count = len(tensors["inputs"])
    classes = np.array([[b"no", b"yes"]] * count, object)
    sizes = np.array([len(text) for text in tensors["inputs"]], np.float32)
    return {"classes": classes, "scores": np.ones([count, 2], np.float32), "outputs": sizes}


def model() -> Servable:
    """Version 3 of m."""
    forms = [
        signature("x", "y twice"),
        signature("inputs", "classes scores", "classify"),
        signature("inputs", "outputs", "regress"),
        signature("bad", "y", "bad"),
        signature("broken", "y", "broken"),
    ]
    servable = made(graph, *forms)
    definitions = {form.key: SignatureDef(method_name=form.method_name) for form in forms}
    return Servable("m", 3, servable.path, servable.signatures, definitions, servable.session)


@dataclass(frozen=True)
class Asked:
    """A server that runs, as a client sees it, and what it has told."""

    channel: Any
    told: Told

    @property
    def stub(self) -> Any:
        """The official client of PredictionService."""
        return prediction_service_pb2_grpc.PredictionServiceStub(self.channel)


Serve = Callable[..., Asked]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers on free ports, and stops them in the end."""
    running = ExitStack()

    def started(servable: Servable | None = None, *, logs: bool = False, tensor_content: bool = False) -> Asked:
        told = Told()
        core = FakeCore({("m", 3): servable or model()}, {("m", "stable"): 3})
        logger: Logger = told.log if logs else log_nothing
        service = PredictionService(core, told, logger, tensor_content=tensor_content)
        return Asked(running.enter_context(serving(service.methods())), told)

    with running:
        yield started


def predict_request(x: Any = (1.0, 2.0), key: str = "", alias: str = "x", name: str = "m") -> Any:
    """A Predict of a vector."""
    request = PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = key
    request.inputs[alias].CopyFrom(tf.make_tensor_proto(np.array(x, np.float32)))
    return request


def examples_request(kind: Any, key: str, count: int = 2) -> Any:
    """A Classify or a Regress of as many examples."""
    request = kind()
    request.model_spec.name = "m"
    request.model_spec.signature_name = key
    request.input.example_list.examples.extend([example(x=1.0)] * count)
    return request


def multi_request(*tasks: tuple[str, str]) -> Any:
    """A MultiInference of one example."""
    request = MultiInferenceRequest()
    for method, key in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = "m"
        task.model_spec.signature_name = key
    request.input.example_list.examples.add().CopyFrom(example(x=1.0))
    return request


def spec(message: Any) -> tuple[str, int, str, str]:
    """All of a ModelSpec."""
    return message.name, message.version.value, message.version_label, message.signature_name


def test_predict(serve: Serve) -> None:
    """Outputs come in the fields of their types, with the model's name, version and signature."""
    answer = serve().stub.Predict(predict_request(), timeout=SECONDS)
    assert {alias: list(tensor.float_val) for alias, tensor in answer.outputs.items()} == {
        "y": [2.5, 3.0],
        "twice": [2.0, 4.0],
    }
    assert spec(answer.model_spec) == ("m", 3, "", "serving_default")


def test_an_output_filter(serve: Serve) -> None:
    """Only what is asked for is answered."""
    request = predict_request()
    request.output_filter.append("twice")
    assert list(serve().stub.Predict(request, timeout=SECONDS).outputs) == ["twice"]


def test_tensor_content(serve: Serve) -> None:
    """With the flag, numbers are sent as bytes; a request may always send them so."""
    request = predict_request()
    request.inputs["x"].tensor_content = floats(4).tobytes()
    request.inputs["x"].tensor_shape.dim[0].size = 1
    answer = serve(tensor_content=True).stub.Predict(request, timeout=SECONDS).outputs["y"]
    assert (list(answer.float_val), answer.tensor_content) == ([], floats(4).tobytes())


@pytest.mark.parametrize("asked", ["version", "version_label"])
def test_the_version_that_answered_is_told(serve: Serve, asked: str) -> None:
    """However a request names a version, the answer has its number and no label."""
    request = predict_request(key="serving_default")
    if asked == "version":
        request.model_spec.version.value = 3
    else:
        request.model_spec.version_label = "stable"
    answer = serve().stub.Predict(request, timeout=SECONDS)
    assert spec(answer.model_spec) == ("m", 3, "", "serving_default")


def test_classify_and_regress(serve: Serve) -> None:
    """Each example gets its classes, or its number."""
    stub = serve().stub
    classified = stub.Classify(examples_request(ClassificationRequest, "classify"), timeout=SECONDS)
    assert spec(classified.model_spec) == ("m", 3, "", "classify")
    assert [[(each.label, each.score) for each in row.classes] for row in classified.result.classifications] == [
        [("no", 1), ("yes", 1)]
    ] * 2
    regressed = stub.Regress(examples_request(RegressionRequest, "regress"), timeout=SECONDS)
    assert spec(regressed.model_spec) == ("m", 3, "", "regress")
    size = example(x=1.0).ByteSize()
    assert [each.value for each in regressed.result.regressions] == [size, size]


def test_a_context(serve: Serve) -> None:
    """The context's features are in front of each example's, which override them."""
    fed: list[Array] = []

    def keep(tensors: dict[str, Array]) -> dict[str, Array]:
        fed.append(tensors["inputs"])
        return {"outputs": floats(1, 2)}

    request = RegressionRequest()
    request.model_spec.name = "m"
    listed = request.input.example_list_with_context
    listed.context.CopyFrom(example(x=1.0, c=2.0))
    listed.examples.extend([example(x=3.0), example(d=4.0)])
    serve(made(keep, signature("inputs", "outputs"))).stub.Regress(request, timeout=SECONDS)
    read = [tf.train.Example.FromString(each).features.feature for each in fed[0]]
    assert [{name: list(each.float_list.value) for name, each in sorted(row.items())} for row in read] == [
        {"c": [2.0], "x": [3.0]},
        {"c": [2.0], "d": [4.0], "x": [1.0]},
    ]


def test_multi_inference(serve: Serve) -> None:
    """Tasks are answered in their order."""
    request = multi_request((REGRESS, "regress"), (CLASSIFY, "classify"))
    results = serve().stub.MultiInference(request, timeout=SECONDS).results
    assert [each.WhichOneof("result") for each in results] == ["regression_result", "classification_result"]
    assert [spec(each.model_spec) for each in results] == [("m", 3, "", "regress"), ("m", 3, "", "classify")]


def test_metadata(serve: Serve) -> None:
    """The signatures are the SavedModel's, and the spec names no signature."""
    request = GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "m"
    answer = serve().stub.GetModelMetadata(request, timeout=SECONDS)
    assert spec(answer.model_spec) == ("m", 3, "", "")
    found = SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(found)
    assert found.signature_def.keys() == model().signatures.keys()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "GetModelMetadataRequest must specify at least one metadata_field"),
        (["signature_def", "f"], "Metadata field f is not supported"),
    ],
)
def test_metadata_that_there_is_not(serve: Serve, fields: list[str], message: str) -> None:
    """Other fields are refused."""
    request = GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = "m"
    assert failure(serve().stub.GetModelMetadata, request) == ("INVALID_ARGUMENT", message)


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("Predict", PredictRequest),
        ("Classify", ClassificationRequest),
        ("Regress", RegressionRequest),
        ("GetModelMetadata", GetModelMetadataRequest),
    ],
)
def test_no_model_spec(serve: Serve, method: str, request_type: Any) -> None:
    """A request that names no model is refused; an empty spec is one."""
    stub = serve().stub
    assert failure(getattr(stub, method), request_type()) == ("INVALID_ARGUMENT", "Missing ModelSpec")


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (predict_request(name="n"), "NOT_FOUND", "Servable not found for request: Latest(n)"),
        (predict_request(key="s"), "FAILED_PRECONDITION", 'Serving signature key "s" not found.'),
        (
            predict_request(alias="k"),
            "INVALID_ARGUMENT",
            (
                "Signature input alias: x(feed name: x:0) not found in request and no default value provided. "
                "Inputs expected to be in the request {k}, or default input alias set: "
            ),
        ),
        (predict_request(key="broken", alias="broken"), "INTERNAL", "RuntimeError: nobody foresaw this"),
    ],
)
def test_predicts_that_fail(serve: Serve, request_: Any, code: str, message: str) -> None:
    """Codes and messages are TensorFlow Serving's; what nobody foresaw is INTERNAL."""
    assert failure(serve().stub.Predict, request_) == (code, message)


def test_a_tensor_that_is_none(serve: Serve) -> None:
    """The message names the input."""
    request = predict_request()
    request.inputs["x"].tensor_content = b"123"
    stub = serve().stub
    assert failure(stub.Predict, request) == ("INVALID_ARGUMENT", "tensor parsing error: x")
    request.inputs["x"].tensor_shape.unknown_rank = True
    assert failure(stub.Predict, request) == ("INVALID_ARGUMENT", "tensor parsing error: x")


def test_examples_that_fail(serve: Serve) -> None:
    """So it is for Classify, Regress and MultiInference."""
    stub = serve().stub
    assert failure(stub.Classify, examples_request(ClassificationRequest, "s")) == (
        "INVALID_ARGUMENT",
        "No signature was found with the name: s",
    )
    for count in (0, 1):
        request = examples_request(RegressionRequest, "regress", count)
        request.input.example_list.SetInParent()
        if count:
            request.ClearField("input")
        assert failure(stub.Regress, request) == ("INVALID_ARGUMENT", "Input is empty.")
    assert failure(stub.MultiInference, multi_request((REGRESS, "s"))) == (
        "INVALID_ARGUMENT",
        "Requested signature not found in model graph: s",
    )
    assert failure(stub.MultiInference, MultiInferenceRequest())[0] == "INVALID_ARGUMENT"


def test_long_messages_are_cut(serve: Serve) -> None:
    """A message has 1024 characters, and says that there were more."""
    code, message = failure(serve().stub.Predict, predict_request(key="bad", alias="bad"))
    assert (code, message) == ("INVALID_ARGUMENT", "ä" * 1024 + "...TRUNCATED")


def test_a_clients_deadline(serve: Serve) -> None:
    """The model is told by when the client wants its answer; without a deadline there is none."""
    deadlines: list[float | None] = []

    class Session:
        def run(self, feeds: Any, values: Any, fetches: Any, deadline: float | None) -> list[Array]:
            del feeds, fetches
            deadlines.append(deadline)
            return list(values) * 2

        def close(self) -> None: ...

    servable = model()
    asked = serve(Servable("m", 3, Path("m"), servable.signatures, {}, Session()))
    began = time.monotonic()
    asked.stub.Predict(predict_request(), timeout=1000)
    asked.stub.Predict(predict_request())
    assert deadlines[0] is not None
    assert began < deadlines[0] < began + 2000
    assert deadlines[1] is None


def test_a_deadline_that_passes(serve: Serve) -> None:
    """A client that waits no longer gets DEADLINE_EXCEEDED, and the next one its answer."""
    opened = threading.Event()

    def slow(tensors: dict[str, Array]) -> dict[str, Array]:
        opened.wait(SECONDS)
        return {"y": tensors["x"]}

    stub = serve(made(slow, signature("x", "y"))).stub
    assert failure(stub.Predict, predict_request(), 0.1)[0] == "DEADLINE_EXCEEDED"
    opened.set()
    assert list(stub.Predict(predict_request(), timeout=SECONDS).outputs["y"].float_val) == [1, 2]


@pytest.mark.parametrize("method", ["Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"])
@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05a", b"\x0a\x01\xff", b"\x12\x02\x0a\xff"])
def test_bytes_that_are_no_message(serve: Serve, method: str, data: bytes) -> None:
    """They are refused, and the server lives on."""
    asked = serve()
    call = asked.channel.unary_unary(f"/tensorflow.serving.PredictionService/{method}")
    code, message = failure(call, data)
    assert code in {"INTERNAL", "INVALID_ARGUMENT"}
    assert message
    assert asked.stub.Predict(predict_request(), timeout=SECONDS).outputs


@settings(max_examples=100)
@given(data=st.binary(max_size=60))
def test_any_bytes_fail_with_a_code(data: bytes) -> None:
    """Whatever a client sends to any method, what is raised is a code or an error of protobuf's."""
    service = PredictionService(FakeCore({("m", 3): model()}), Told())
    for method in (service.predict, service.classify, service.regress, service.multi_inference, service.model_metadata):
        with pytest.raises((StatusError, DecodeError)):
            method(data, None)


def test_a_method_that_is_not_there(serve: Serve) -> None:
    """It is UNIMPLEMENTED, as gRPC has it."""
    call = serve().channel.unary_unary("/tensorflow.serving.PredictionService/PredictStreamed")
    assert failure(call, b"")[0] == "UNIMPLEMENTED"


def test_the_observer_is_told_of_each_request(serve: Serve) -> None:
    """Model, method, code and signature of each, whether it failed or not."""
    asked = serve()
    asked.stub.Predict(predict_request(), timeout=SECONDS)
    asked.stub.Regress(examples_request(RegressionRequest, "regress"), timeout=SECONDS)
    asked.stub.Classify(examples_request(ClassificationRequest, "classify"), timeout=SECONDS)
    asked.stub.MultiInference(multi_request((REGRESS, "regress")), timeout=SECONDS)
    failure(asked.stub.Predict, predict_request(name="n", key="s"))
    failure(asked.stub.Predict, predict_request(key="broken", alias="broken"))
    assert asked.told.answers == [
        ("m", "Predict", "GRPC", "OK", "serving_default"),
        ("m", "Regress", "GRPC", "OK", "regress"),
        ("m", "Classify", "GRPC", "OK", "classify"),
        ("m", "MultiInference", "GRPC", "OK", "regress"),
        ("n", "Predict", "GRPC", "NOT_FOUND", "s"),
        ("m", "Predict", "GRPC", "INTERNAL", "broken"),
    ]


def test_the_request_log_is_given_what_succeeded(serve: Serve) -> None:
    """A request's bytes as they came, and the answer's as it went; nothing of what failed, nor of metadata."""
    asked = serve(logs=True)
    requests = [predict_request(), examples_request(RegressionRequest, "regress"), multi_request((REGRESS, "regress"))]
    methods = [asked.stub.Predict, asked.stub.Regress, asked.stub.MultiInference]
    answers = [method(request, timeout=SECONDS) for method, request in zip(methods, requests, strict=True)]
    failure(asked.stub.Predict, predict_request(key="s"))
    metadata = GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "m"
    asked.stub.GetModelMetadata(metadata, timeout=SECONDS)
    assert [(api, name) for api, name, *_ in asked.told.logged] == [
        ("Predict", "m"),
        ("Regress", "m"),
        ("MultiInference", "m"),
    ]
    for (_, _, request, response), sent, answer in zip(asked.told.logged, requests, answers, strict=True):
        assert type(sent).FromString(request) == sent
        assert type(answer).FromString(response) == answer


def test_large_tensors(serve: Serve) -> None:
    """Numbers of every length of their bytes come back as they were sent, in both forms."""
    echo = made(lambda tensors: {"y": tensors["x"]}, signature("x", "y"))
    sent = np.array([0, 1, -1, 127, 128, 2**31, -(2**31), 2**63 - 1, -(2**63)] * 1000, np.int64)
    request = predict_request()
    stub = serve(echo).stub
    for form in ({"tensor_content": sent.tobytes()}, {"int64_val": sent.tolist()}):
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.zeros([0], np.int64)))
        request.inputs["x"].tensor_shape.dim[0].size = len(sent)
        request.inputs["x"].MergeFrom(type(request.inputs["x"])(**form))
        answer: Any = PredictResponse.FromString(stub.Predict(request, timeout=SECONDS).SerializeToString())
        assert (tf.make_ndarray(answer.outputs["y"]) == sent).all()


def test_texts(serve: Serve) -> None:
    """So do bytes of any kind."""
    echo = made(lambda tensors: {"y": tensors["x"]}, signature("x", "y"))
    sent = strings(b"", b"\0", b"\xff", "ä".encode())
    request = predict_request()
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(sent, tf.string))
    assert list(serve(echo).stub.Predict(request, timeout=SECONDS).outputs["y"].string_val) == sent.tolist()
