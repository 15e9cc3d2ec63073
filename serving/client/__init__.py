"""A client of model servers, over REST and over gRPC."""

from serving.client.client import Client
from serving.client.errors import (
    AccessDenied,
    NoModelServer,
    NotServed,
    RequestRefused,
    ServerError,
    TimedOut,
    Unavailable,
    Unreachable,
)
from serving.client.retry import Retry
from serving.client.served import Metadata, Signature, Tensor, VersionStatus

__all__ = [
    "AccessDenied",
    "Client",
    "Metadata",
    "NoModelServer",
    "NotServed",
    "RequestRefused",
    "Retry",
    "ServerError",
    "Signature",
    "Tensor",
    "TimedOut",
    "Unavailable",
    "Unreachable",
    "VersionStatus",
]
