"""A model server of its own for one model, and the same requests over REST and over gRPC.

The server is tensorflow_model_server where that is installed, else the embedded one; the clients are plain HTTP and the
stubs of tensorflow-serving-api, as any service's would be.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
from tensorflow import make_ndarray, make_tensor_proto
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from components.forking import ForkedModule, is_fresh
from components.signature_calls import Arrays
from schema.errors import InfraNotBlessed

REAL = "tensorflow_model_server"
EMBEDDED = "serving.server.main"  # a module; nothing here imports it
NAME = "candidate"
LOOK_SECONDS = 0.05
LONGEST_MESSAGE = -1  # bytes: any


@dataclass(frozen=True)
class Address:
    """Where a server listens on this machine."""

    port: int
    rest_port: int
    timeout_seconds: float


class Server:
    """A model server, from when it was started."""

    def __init__(self, model: str, folder: Path, timeout_seconds: float) -> None:
        base, self._log = folder / "models", folder / "log"
        base.mkdir()
        (base / "1").symlink_to(Path(model).absolute())
        self._limit = time.monotonic() + timeout_seconds
        self._address = Address(_free_port(), _free_port(), timeout_seconds)
        self._process = _start(_options(base, self._address), self._log)

    def loaded(self) -> Address:
        """Waits until it has loaded the model, and returns where it listens.

        Raises:
          InfraNotBlessed: it ended, or did not open its ports in time, which it does once the model is loaded.
        """
        while not (_listens(self._address.port) and _listens(self._address.rest_port)):
            if self._process.poll() is not None:
                lines = self._log.read_text(errors="replace").strip().splitlines()
                last = (lines or [f"exit code {self._process.returncode}"])[-1]
                raise InfraNotBlessed(f"A model server could not load the model: {last}")
            if time.monotonic() > self._limit:
                raise InfraNotBlessed(
                    f"A model server did not load the model within {self._address.timeout_seconds:g} s. Give it longer "
                    "with infra_validation.timeout_seconds, or make the model smaller."
                )
            time.sleep(LOOK_SECONDS)
        return self._address

    def end(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


@contextmanager
def serving(model: str, timeout_seconds: float) -> Iterator[Server]:
    """Serves a SavedModel until the block ends; it is loaded meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(model, Path(folder), timeout_seconds)
        try:
            yield server
        finally:
            server.end()


def over_grpc(address: Address, requests: Arrays) -> Arrays:
    """Returns what each signature answers over gRPC.

    Raises:
      InfraNotBlessed: it fails.
    """
    options = [("grpc.max_receive_message_length", LONGEST_MESSAGE)]
    with grpc.insecure_channel(f"localhost:{address.port}", options=options) as channel:
        predict = PredictionServiceStub(channel).Predict
        answers: Arrays = {}
        for signature, inputs in requests.items():
            request = PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = NAME, signature
            for name, array in inputs.items():
                request.inputs[name].CopyFrom(make_tensor_proto(array))
            try:
                response = predict(request, timeout=address.timeout_seconds)
            except grpc.RpcError as error:
                raise InfraNotBlessed(f"{signature} over gRPC: {error.code().name}: {error.details()}") from None
            answers[signature] = {name: make_ndarray(tensor) for name, tensor in response.outputs.items()}
    return answers


def over_rest(address: Address, requests: Arrays, like: Arrays) -> Arrays:
    """Returns what each signature answers over REST, in the types that `like` has, for JSON has none.

    Raises:
      InfraNotBlessed: it fails.
    """
    return {
        signature: {
            name: _array(value, like[signature][name].dtype)
            for name, value in _outputs(_post(address, signature, inputs), like[signature]).items()
        }
        for signature, inputs in requests.items()
    }


def _start(options: list[str], log: Path) -> subprocess.Popen[bytes] | ForkedModule:
    """Starts the real server where it is installed, else ours; that forks where it may, and has TensorFlow at once."""
    real = shutil.which(REAL)
    if is_fresh() and not real:
        return ForkedModule(EMBEDDED, options, log)
    with log.open("wb") as output:
        command = [real] if real else [sys.executable, "-m", EMBEDDED]
        return subprocess.Popen([*command, *options], stdout=output, stderr=subprocess.STDOUT)


def _options(base: Path, address: Address) -> list[str]:
    return [
        f"--port={address.port}",
        f"--rest_api_port={address.rest_port}",
        f"--model_name={NAME}",
        f"--model_base_path={base}",
        "--max_num_load_retries=0",
        f"--rest_api_timeout_in_ms={round(address.timeout_seconds * 1000)}",
    ]


def _free_port() -> int:
    with closing(socket.create_server(("localhost", 0))) as server:
        port: int = server.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True


def _post(address: Address, signature: str, inputs: dict[str, npt.NDArray[Any]]) -> Any:
    body = {"signature_name": signature, "inputs": {name: _plain(array) for name, array in inputs.items()}}
    url = f"http://localhost:{address.rest_port}/v1/models/{NAME}:predict"
    request = urllib.request.Request(url, json.dumps(body).encode())  # this machine's
    try:
        with urllib.request.urlopen(request, timeout=address.timeout_seconds) as response:  # noqa: S310
            return json.load(response)["outputs"]
    except urllib.error.HTTPError as error:
        raise InfraNotBlessed(f"{signature} over REST: {error.code}: {error.read().decode(errors='replace')}") from None
    except OSError as error:
        raise InfraNotBlessed(f"{signature} over REST: {error}") from None


def _plain(array: npt.NDArray[Any]) -> list[Any]:
    if array.dtype == object:
        return [{"b64": base64.b64encode(text).decode()} for text in array.tolist()]
    return list(array.tolist())


def _outputs(answered: Any, like: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """REST leaves out the name of an output that is the only one."""
    return dict(answered) if len(like) > 1 else dict.fromkeys(like, answered)


def _array(value: Any, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    array = np.array(value, kind)
    if array.dtype != object:
        return array
    return np.array([text.encode() for text in array.ravel()], object).reshape(array.shape)
