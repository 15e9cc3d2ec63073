"""The gRPC server: MLMD's service and grpc.health.v1, with or without TLS."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pipeline.metadata import MAX_MESSAGE_BYTES
from pipeline.metadata_server.service import handlers
from pipeline.metadata_server.store import SERVICE, Store
from schema.errors import PenstockError, UsageError
from serving.server.health import HealthService

THREADS = 16  # which wait for the one connection
SERVICES = ("", SERVICE.full_name)


@dataclass(frozen=True)
class Address:
    """Where to listen; a certificate with its key, both PEM files, makes it TLS.

    Attributes:
      host: an address of this machine, 0.0.0.0 for all.
      port: 0 is any that is free.
      certificate: with those who signed it behind it.
      key: of the certificate.
    """

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None


class MetadataServer:
    """Answers MLMD's clients.

    Raises:
      UsageError: the PEM files cannot be read, or are no certificate and its key.
      PenstockError: the address is taken, or not this machine's.
    """

    def __init__(self, store: Store, address: Address) -> None:
        self._health = HealthService()
        self._server = grpc.server(ThreadPoolExecutor(THREADS), options=_OPTIONS)
        self._server.add_generic_rpc_handlers((handlers(store),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = self._listen(address)
        self._server.start()
        for service in SERVICES:
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace: float) -> None:
        """Takes no new calls, lets those in flight end for some seconds, and closes."""
        self._health.end()
        self._server.stop(grace).wait()

    def _listen(self, address: Address) -> int:
        place = f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
        try:
            if address.certificate is None and address.key is None:
                return int(self._server.add_insecure_port(place))
            return int(self._server.add_secure_port(place, _credentials(address)))
        except RuntimeError:
            raise PenstockError(
                f"Cannot listen at {place}: another program does, or it is not an address of this machine. "
                "Name another with --port or --host."
            ) from None


_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),  # or two servers would share a port, each with its own file
)


def _credentials(address: Address) -> grpc.ServerCredentials:
    if address.certificate is None or address.key is None:
        raise UsageError("TLS needs both --tls-certificate and --tls-key.")
    pair = (_read(address.key), _read(address.certificate))
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(address.certificate, address.key)
    except ssl.SSLError as error:  # gRPC would say that it cannot listen
        raise UsageError(f"{address.certificate}, {address.key}: are no certificate and its key: {error}.") from None
    return grpc.ssl_server_credentials([pair])


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}.") from None
