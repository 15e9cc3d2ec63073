"""Where a model server is, as a person writes it."""

from __future__ import annotations

import re

import httpx

from schema.errors import UsageError

HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[\w.-]+):\d{1,5}")
NAMES = ("unix:", "dns:", "ipv4:", "ipv6:")  # github.com/grpc/grpc/blob/master/doc/naming.md


def rest_url(address: str) -> str:
    """Returns host:port, or a URL, as a URL without a slash at its end.

    Raises:
      UsageError: it is neither.
    """
    url = f"http://{address}" if HOST_AND_PORT.fullmatch(address) else address
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise UsageError(f"{address!r} is no address of REST. Give host:port, such as localhost:8501, or a URL.")
    return url.rstrip("/")


def check_grpc(address: str) -> None:
    """Lets host:port pass, and other names that gRPC knows: unix:/path, dns:///host:port.

    Raises:
      UsageError: it is neither.
    """
    if not address.startswith(NAMES) and not HOST_AND_PORT.fullmatch(address):
        raise UsageError(f"{address!r} is no address of gRPC. Give host:port, such as localhost:8500.")
