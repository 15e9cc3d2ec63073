"""What a method and a target ask for (model_servers/http_rest_api_util.cc, HttpRestApiHandler::ParseModelInfo).

The expressions are upstream's, applied to the target as it came: not decoded, and with its query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.status import StatusError, invalid_argument

FLAGS = re.IGNORECASE | re.ASCII
WHICH = r"(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?"
API = re.compile(r"/v1/.*", FLAGS | re.DOTALL)
POST = re.compile(rf"/v1/models/([^/:]+){WHICH}:(classify|regress|predict)", FLAGS)
GET = re.compile(rf"/v1/models(?:/([^/:]+))?{WHICH}(?:/(metadata))?", FLAGS)
VERBS = frozenset({"classify", "regress", "predict"})
INT64_MAX = (1 << 63) - 1
INT64_DIGITS = 19
KEPT = 1024  # targets; clients use few


class BadVersion(StatusError):
    """A version that is no int64: upstream answers it with an empty body."""


@dataclass(frozen=True)
class Route:
    """What a request asks for.

    Attributes:
      action: predict, classify, regress, status or metadata.
      spec: the model; nobody changes it.
    """

    action: str
    spec: ModelSpec

    @property
    def api(self) -> str:
        """As metrics name it; upstream has no name for what is asked by GET."""
        return self.action if self.action in VERBS else ""


def is_api(target: str) -> bool:
    """Tells whether a target is of the API's, rather than nobody's."""
    return API.fullmatch(target) is not None


@lru_cache(KEPT)
def route(method: str, target: str) -> Route:
    """Returns what a request asks for.

    Raises:
      StatusError: nothing that there is.
    """
    if method == "POST" and (post := POST.fullmatch(target)) and post[4] in VERBS:
        return Route(post[4], _spec(post[1], post[2], post[3]))
    if method == "GET" and (get := GET.fullmatch(target)):
        if not get[1]:
            raise invalid_argument("Missing model name in request.")
        return Route("metadata" if get[4] else "status", _spec(get[1], get[2], get[3]))
    raise invalid_argument(f"Malformed request: {method} {target}")


def _spec(name: str, version: str | None, label: str | None) -> ModelSpec:
    spec = ModelSpec(name=_decoded(name))
    if version:
        spec.version.value = _number(version)
    elif label:
        spec.version_label = _decoded(label)
    return spec


def _number(version: str) -> int:
    digits = version.lstrip("0") or "0"
    if len(digits) > INT64_DIGITS or int(digits) > INT64_MAX:
        failed = invalid_argument(f"Failed to convert version: {version} to numeric.")
        raise BadVersion(failed.code, failed.message)
    return int(digits)


def _decoded(part: str) -> str:
    return unquote_to_bytes(part.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
