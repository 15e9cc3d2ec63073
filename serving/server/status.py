"""How a request fails: a canonical code and a message, the same over REST and gRPC."""

from __future__ import annotations

from grpc import StatusCode

HTTP_CODES = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
    StatusCode.UNAUTHENTICATED: 401,
}  # model_servers/http_server.cc, ToHTTPStatusCode


class StatusError(Exception):
    """A request that fails, with its code as gRPC names it and the message that a client reads."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[StatusError], tuple[StatusCode, str]]:
        return type(self), (self.code, self.message)


def invalid_argument(message: str) -> StatusError:
    """The request is wrong, whatever the server's state."""
    return StatusError(StatusCode.INVALID_ARGUMENT, message)


def failed_precondition(message: str) -> StatusError:
    """The request is wrong in the server's state."""
    return StatusError(StatusCode.FAILED_PRECONDITION, message)


def not_found(message: str) -> StatusError:
    """What the request names is not there."""
    return StatusError(StatusCode.NOT_FOUND, message)


def unavailable(message: str) -> StatusError:
    """The server cannot answer now; a client may try again."""
    return StatusError(StatusCode.UNAVAILABLE, message)


def unimplemented(message: str) -> StatusError:
    """The server does not do such a thing."""
    return StatusError(StatusCode.UNIMPLEMENTED, message)


def deadline_exceeded(message: str) -> StatusError:
    """The time that the request had is over."""
    return StatusError(StatusCode.DEADLINE_EXCEEDED, message)
