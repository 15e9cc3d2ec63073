"""A core with small models, and requests to it without a socket."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from serving.server.rest.columns import BOOL, DOUBLE, FLOAT, INT32, INT64, STRING
from serving.server.rest.fakes import FakeCore, servable, signature
from serving.server.rest.handler import handle
from serving.server.rest.message import Request, Response
from serving.server.rest.options import RestOptions
from serving.server.servable import Array, Servable

HALF = 19
OPTIONS = RestOptions()
KINDS = {"a": FLOAT, "b": STRING}
BY_DTYPE = {FLOAT: "floats", DOUBLE: "doubles", INT32: "ints", INT64: "longs", BOOL: "bools", STRING: "texts"}


def half_plus_two() -> Servable:
    """The documentation's first model, x / 2 + 2."""
    definition = SignatureDef(method_name="tensorflow/serving/predict")
    return servable(
        lambda x: {"y": x["x"] / np.float32(2) + np.float32(2)},
        signature({"x": FLOAT}, {"y": FLOAT}),
        signature({}, {"y": FLOAT}, "no_inputs"),
        signature({"x": HALF}, {"y": FLOAT}, "half"),
        name="half",
        version=123,
        definitions={"serving_default": definition},
    )


def pairs() -> Servable:
    """Two inputs, which it gives back as two outputs."""
    return servable(lambda x: {"p": x["a"], "q": x["b"]}, signature(KINDS, {"p": FLOAT, "q": STRING}), name="pairs")


def echoes() -> Servable:
    """A signature for each type, that gives back what it gets."""
    signatures = [signature({"v": dtype}, {"v": dtype}, key) for dtype, key in BY_DTYPE.items()]
    return servable(dict, *signatures, name="echo")


def judges() -> Servable:
    """A classifier of two classes, one without names for them, and a regressor, which counts an example's bytes."""
    return servable(_judged, *[
        signature({"inputs": STRING}, {"classes": STRING, "scores": FLOAT}, "classify"),
        signature({"inputs": STRING}, {"scores": FLOAT}, "scores"),
        signature({"inputs": STRING}, {"outputs": FLOAT}, "regress"),
    ], name="judges")  # fmt: skip


def _judged(inputs: dict[str, Array]) -> dict[str, Array]:
    sizes = np.array([len(example) for example in inputs["inputs"]], np.float32)
    classes = np.array([[b"no", b"yes"]] * len(sizes), object)
    return {"classes": classes, "scores": np.stack([sizes * 0, sizes * 0 + 1], 1), "outputs": sizes}


def core() -> FakeCore:
    """All of them; `half` has the label `stable`."""
    models = [half_plus_two(), pairs(), echoes(), judges()]
    return FakeCore({(model.name, model.version): model for model in models}, {("half", "stable"): 123})


def ask(method: str, target: str, body: Any = b"", **headers: str) -> Response:
    """The answer to a request; a body that is not bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return handle(core(), Request(method, target, named, raw), OPTIONS)


def predict(model: str, body: Any) -> Response:
    """The answer to a predict request."""
    return ask("POST", f"/v1/models/{model}:predict", body)


def answer(response: Response) -> Any:
    """The JSON of an answer that is no error."""
    assert response.status == 200, response.body
    return json.loads(response.body)


def error(response: Response) -> tuple[int, str]:
    """The status and the message of an answer that is an error."""
    body = json.loads(response.body)
    assert list(body) == ["error"]
    assert (b"content-type", b"application/json") in response.headers
    return response.status, body["error"]
