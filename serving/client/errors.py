"""How a model server fails its client, whichever way it was asked.

PenstockError
└── ServerError          no answer; `code` as gRPC names it, `message` as the server words it
    ├── Unreachable      nothing listens at the address                        tried again
    ├── Unavailable      it cannot answer now: UNAVAILABLE, 503                tried again
    ├── TimedOut         no answer in time: DEADLINE_EXCEEDED, 504
    ├── NotServed        no such model, version or label: NOT_FOUND, 404
    ├── RequestRefused   the request is wrong: INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE, 400
    ├── AccessDenied     UNAUTHENTICATED, PERMISSION_DENIED, 401, 403
    └── NoModelServer    what listens there speaks something else
"""

from __future__ import annotations

from schema.errors import PenstockError

CODES = {
    400: "INVALID_ARGUMENT",  # FAILED_PRECONDITION and OUT_OF_RANGE too, which REST does not tell apart
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}  # the reverse of model_servers/http_server.cc, ToHTTPStatusCode


class ServerError(PenstockError):
    """A model server did not answer a request.

    Attributes:
      code: as gRPC names it, such as INTERNAL.
      message: what the server says, or what happened.
      address: where it was asked.
    """

    advice = "The server's log says more."

    def __init__(self, code: str, message: str, address: str) -> None:
        super().__init__(code, message, address)
        self.code = code
        self.message = message
        self.address = address

    def __str__(self) -> str:
        return f"{self.address}: {self.code}: {self.message.strip().rstrip('.')}. {self.advice}"


class Unreachable(ServerError):
    """Nothing listens at the address."""

    advice = "Is the server up, and is this its address? `penstock serve` starts one."


class Unavailable(ServerError):
    """The server cannot answer now, however often it was asked."""

    advice = "Ask for less at once, or again later."


class TimedOut(ServerError):
    """The server did not answer in time."""

    advice = "Give it more time (timeout), or fewer rows at once (batch)."


class NotServed(ServerError):
    """The server has no such model, version or label."""

    advice = "Check the model's name, and its versions by status()."


class RequestRefused(ServerError):
    """The request is wrong; asked again, it would be so again."""

    advice = "Compare the request with the model's signatures, which metadata() tells."


class AccessDenied(ServerError):
    """The server does not answer this caller."""

    advice = "It wants a token or a certificate, or another one."


class NoModelServer(ServerError):
    """What listens there speaks something else."""

    advice = "Is this the right port? REST is at 8501 by default, gRPC at 8500."


KINDS: dict[str, type[ServerError]] = {
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": TimedOut,
    "NOT_FOUND": NotServed,
    "INVALID_ARGUMENT": RequestRefused,
    "FAILED_PRECONDITION": RequestRefused,
    "OUT_OF_RANGE": RequestRefused,
    "UNAUTHENTICATED": AccessDenied,
    "PERMISSION_DENIED": AccessDenied,
}


def error_of(code: str, message: str, address: str) -> ServerError:
    """Returns the error of a code."""
    return KINDS.get(code, ServerError)(code, message, address)
