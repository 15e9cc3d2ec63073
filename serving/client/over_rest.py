"""The way to a model server over REST, by httpx."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from serving.client import json_tensors
from serving.client.address import rest_url
from serving.client.errors import CODES, NoModelServer, ServerError, TimedOut, Unreachable, error_of
from serving.client.served import Metadata, Signature, Target, Tensor, VersionStatus, tensor
from serving.client.transport import Array, Tensors

# Below the 5 s after which servers such as uvicorn close an idle connection: a request that is sent into one that is
# just being closed is lost, and cannot be sent again.
KEPT_ALIVE = 2.0
SHOWN = 200  # characters of an answer that is none


class RestTransport:
    """Asks at `http://<address>/v1/models/…`; connections are kept.

    Args:
      address: host:port, or a URL: https://host/prefix.
      token: sent as a bearer token.
      verify: of https: the certificates that are trusted; False for any.
      transport: what sends the requests, as httpx has it; its own by default.

    Raises:
      UsageError: the address is none.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.address = address
        self._base = f"{rest_url(address)}/v1/models/"
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            verify=verify if self._base.startswith("https:") else False,  # reading certificates takes a while
            limits=httpx.Limits(keepalive_expiry=KEPT_ALIVE),
            trust_env=False,
            transport=transport,
        )

    def predict(self, target: Target, signature: Signature, inputs: Tensors, timeout: float) -> dict[str, Array]:
        """Returns the signature's outputs, by a POST to `…:predict`."""
        body = json_tensors.request(signature.name, inputs)
        answer = self._ask("POST", f"{_path(target)}:predict", timeout, body)
        try:
            return json_tensors.outputs(answer, signature)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"the answer does not fit signature {signature.name!r}: {type(error).__name__}: {error}"
            raise ServerError("INTERNAL", message, self.address) from error

    def metadata(self, target: Target, timeout: float) -> Metadata:
        """Returns the version that answers, by a GET of `…/metadata`."""
        answer = self._ask("GET", f"{_path(target)}/metadata", timeout)
        try:
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            version = int(answer["model_spec"]["version"])
            return Metadata(target.model, version, {name: _signature(name, one) for name, one in signatures.items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._speaks_something_else(f"it has no metadata: {str(answer)[:SHOWN]}") from error

    def status(self, target: Target, timeout: float) -> tuple[VersionStatus, ...]:
        """Returns how the versions fare, by a GET of the model's URL."""
        answer = self._ask("GET", _path(target), timeout)
        try:
            return tuple(_version_status(one) for one in answer["model_version_status"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._speaks_something_else(f"it has no status: {str(answer)[:SHOWN]}") from error

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, timeout: float, body: bytes | None = None) -> Any:
        response = self._send(method, path, timeout, body)
        try:
            answer = json_tensors.parse(response.content)
        except ValueError:
            answer = None
        if response.is_success and answer is not None:
            return answer
        code = CODES.get(response.status_code)
        message = answer.get("error") if isinstance(answer, Mapping) else None
        if message is None and code != "UNAVAILABLE":  # a proxy without a server behind it says that in its own way
            raise self._speaks_something_else(f"HTTP {response.status_code}: {response.text[:SHOWN]}")
        raise error_of(code or "UNKNOWN", message or response.reason_phrase, self.address)

    def _send(self, method: str, path: str, timeout: float, body: bytes | None) -> httpx.Response:
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            return self._http.request(method, self._base + path, content=body, headers=headers, timeout=timeout)
        except httpx.ConnectError as error:
            raise Unreachable("UNAVAILABLE", str(error), self.address) from error
        except httpx.TimeoutException as error:
            raise TimedOut("DEADLINE_EXCEEDED", f"no answer in {timeout:g} s", self.address) from error
        except httpx.TransportError as error:
            if isinstance(error, httpx.RemoteProtocolError) and "illegal" in str(error):  # what came back is no HTTP
                raise self._speaks_something_else(str(error)) from error
            message = f"the connection broke: {type(error).__name__}: {error}"
            raise ServerError("UNKNOWN", message, self.address) from error

    def _speaks_something_else(self, what: str) -> NoModelServer:
        return NoModelServer("UNKNOWN", what, self.address)


def _path(target: Target) -> str:
    if target.version is not None:
        return f"{quote(target.model, safe='')}/versions/{target.version}"
    label = f"/labels/{quote(target.label, safe='')}" if target.label is not None else ""
    return quote(target.model, safe="") + label


def _signature(name: str, json: Mapping[str, Any]) -> Signature:
    inputs, outputs = (
        {alias: _tensor(alias, info) for alias, info in sorted(json.get(part, {}).items())}
        for part in ("inputs", "outputs")
    )
    return Signature(name, inputs, outputs)


def _tensor(alias: str, info: Mapping[str, Any]) -> Tensor:
    shape = info["tensor_shape"]
    sizes = None if shape.get("unknown_rank") else tuple(int(dim["size"]) for dim in shape.get("dim", ()))
    return tensor(alias, info["dtype"], sizes)


def _version_status(json: Mapping[str, Any]) -> VersionStatus:
    status = json["status"]
    return VersionStatus(int(json["version"]), json["state"], status["error_code"], status["error_message"])
