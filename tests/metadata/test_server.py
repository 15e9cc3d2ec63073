"""The metadata server, as MLMD's client and other gRPC clients see it."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import given
from hypothesis import strategies as st
from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.lineage import Lineage
from pipeline.metadata import Connection, open_store
from pipeline.metadata_server.server import Address, MetadataServer
from pipeline.metadata_server.store import SERVICE, Store
from schema.errors import PenstockError, UsageError
from tests.components.readers.conftest import PostgreSQL
from tests.metadata.servers import HERE, PATIENCE, connection_to, drop_connections, in_memory, on_postgresql, served

MIB = 2**20
METHODS = [method.name for method in SERVICE.methods]
NOT_IN_THE_WHEEL = {"GetLineageGraph", "GetParentContextsByContexts", "GetChildrenContextsByContexts"}


@pytest.fixture(scope="module")
def server() -> Iterator[Connection]:
    """A server on an empty store, and the connection to it."""
    with served(in_memory()) as connection:
        yield connection


@pytest.fixture(scope="module")
def store(server: Connection) -> MetadataStore:
    """MLMD's client of the server."""
    return open_store(server)


@pytest.fixture(scope="module")
def channel(server: Connection) -> Iterator[grpc.Channel]:
    """A channel for what MLMD's client does not send."""
    with grpc.insecure_channel(f"{HERE}:{server.port}") as opened:
        yield opened


def send(channel: grpc.Channel, method: str, request: bytes) -> grpc.StatusCode:
    """Sends bytes to a method, and returns the status."""
    try:
        channel.unary_unary(f"/{SERVICE.full_name}/{method}")(request, timeout=PATIENCE)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def test_errors_have_the_codes_of_the_library(store: MetadataStore) -> None:
    """What is not there, is there already, or makes no sense is refused with the error that a database gives itself."""
    type_id = store.put_artifact_type(mlmd.ArtifactType(name="Model"))
    store.put_artifacts([mlmd.Artifact(type_id=type_id, name="one")])
    with pytest.raises(errors.AlreadyExistsError):
        store.put_artifacts([mlmd.Artifact(type_id=type_id, name="one")])
    with pytest.raises(errors.NotFoundError):
        store.get_artifact_type("Never")
    with pytest.raises(errors.InvalidArgumentError):
        store.put_artifacts([mlmd.Artifact(uri="of no type")])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers(channel: grpc.Channel, method: str) -> None:
    """An empty request to any method of the service gets an answer or a refusal of the library's, not a failure."""
    legal = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
    if method in NOT_IN_THE_WHEEL:
        legal = {grpc.StatusCode.UNIMPLEMENTED}
    assert send(channel, method, b"") in legal


@given(st.sampled_from(METHODS), st.binary(max_size=40))
def test_any_bytes_get_a_status(channel: grpc.Channel, method: str, request: bytes) -> None:
    """Bytes that are no message are refused, and the server lives."""
    assert send(channel, method, request) not in {grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE}


def test_clients_may_write_at_once(server: Connection) -> None:
    """Eight clients that write together lose nothing, and none is told to try again."""
    writers = [open_store(server) for _ in range(8)]
    type_id = writers[0].put_artifact_type(mlmd.ArtifactType(name="Shard"))
    ids: list[int] = []

    def write(client: Any) -> None:
        for _ in range(10):
            ids.extend(client.put_artifacts([mlmd.Artifact(type_id=type_id)]))

    threads = [threading.Thread(target=write, args=(client,)) for client in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    stored = {artifact.id for artifact in writers[0].get_artifacts_by_type("Shard")}
    assert len(ids) == 80
    assert stored == set(ids)


def test_messages_may_be_larger_than_grpc_lets_them_be(store: MetadataStore) -> None:
    """Properties of more than gRPC's own limit of 4 MiB are written and read."""
    type_id = store.put_artifact_type(mlmd.ArtifactType(name="Large"))
    artifact = mlmd.Artifact(type_id=type_id)
    artifact.custom_properties["text"].string_value = "x" * (5 * MIB)
    [artifact_id] = store.put_artifacts([artifact])
    [found] = store.get_artifacts_by_id([artifact_id])
    assert len(found.custom_properties["text"].string_value) == 5 * MIB


@pytest.mark.parametrize("service", ["", SERVICE.full_name])
def test_health_is_told(channel: grpc.Channel, service: str) -> None:
    """grpc.health.v1 says of the whole and of MLMD's service that they serve."""
    request = health_pb2.HealthCheckRequest(service=service)
    answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=PATIENCE)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_who_watches_health_is_told_of_the_end() -> None:
    """A client that watches is told that the server stops, and does not keep it from stopping."""
    server = MetadataServer(Store(in_memory()), Address(HERE, 0))
    with grpc.insecure_channel(f"{HERE}:{server.port}") as channel:
        states = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        assert next(states).status == health_pb2.HealthCheckResponse.SERVING
        stopping = threading.Thread(target=server.stop, args=(PATIENCE,))
        stopping.start()
        assert [state.status for state in states] == [health_pb2.HealthCheckResponse.NOT_SERVING]
        stopping.join(PATIENCE / 2)
        assert not stopping.is_alive()


def test_a_port_that_is_taken_is_told(server: Connection) -> None:
    """A second server at the same port is refused, with what to do."""
    with pytest.raises(PenstockError, match=rf"Cannot listen at {HERE}:{server.port}.*--port"):
        MetadataServer(Store(in_memory()), Address(HERE, server.port))


def test_a_database_that_was_away_is_found_again(postgresql: PostgreSQL) -> None:
    """When the connection behind the server breaks, a call is told so, and the next one is answered."""
    with served(on_postgresql(postgresql)) as connection:
        store = open_store(connection)
        type_id = store.put_artifact_type(mlmd.ArtifactType(name="Model"))
        drop_connections(postgresql)
        with pytest.raises(errors.UnavailableError, match="the database has gone"):
            store.get_artifact_type("Model")
        assert store.get_artifact_type("Model").id == type_id


def test_tls_keeps_others_out(tmp_path: Path) -> None:
    """With a certificate, a client that knows its signer is answered, and one that speaks no TLS is not."""
    certificate, key = self_signed(tmp_path)
    server = MetadataServer(Store(in_memory()), Address(HERE, 0, certificate, key))
    try:
        address: dict[str, object] = {"backend": "grpc", "host": "localhost", "port": server.port}
        assert Lineage(connection_to(**address, ca_file=str(certificate)), "taxi").runs() == []
        with pytest.raises(PenstockError, match=f"the metadata server at localhost:{server.port}, does not answer"):
            Lineage(connection_to(**address), "taxi").runs()
    finally:
        server.stop(0)


def test_tls_needs_both_files(tmp_path: Path) -> None:
    """A certificate without its key is refused, or a key alone; so is a file that is not there or is no certificate."""
    certificate, key = self_signed(tmp_path)
    for alone in ((certificate, None), (None, key)):
        with pytest.raises(UsageError, match="needs both"):
            MetadataServer(Store(in_memory()), Address(HERE, 0, *alone))
    missing, text = tmp_path / "none.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    with pytest.raises(UsageError, match=re.escape(f"{missing}: No such file")):
        MetadataServer(Store(in_memory()), Address(HERE, 0, missing, key))
    with pytest.raises(UsageError, match=re.escape(f"{text}, {key}: are no certificate and its key")):
        MetadataServer(Store(in_memory()), Address(HERE, 0, text, key))


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Writes a certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(hours=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    signed = builder.sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(signed.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "certificate.pem", folder / "key.pem"
