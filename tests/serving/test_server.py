"""The whole server in this process, on free ports."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import tensorflow as tf
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf import text_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from schema.errors import UsageError
from serving.server.flags import parse
from serving.server.loading import VersionLoader
from serving.server.metrics import Metrics
from serving.server.protos.ssl_config_pb2 import SSLConfig
from serving.server.saved_model import SessionOptions
from serving.server.server import ModelServer
from serving.server.warmup import WARMUP_FILE
from tests.conformance import models
from tests.serving.lifecycle.worlds import finishes
from tests.serving.test_prediction_service import predict_request

SECONDS = 30.0
PREDICT = "/v1/models/m:predict"
BODY = {"instances": [1.0, 2.0]}
ANSWER = {"predictions": [2.5, 3.0]}
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base path of m, with version 1; nobody changes it."""
    path = tmp_path_factory.mktemp("m")
    models.half_plus_two(path / "1")
    return path


class Made:
    """A server, and how clients reach it.

    Attributes:
      roots: the certificate that clients trust, where it speaks TLS.
    """

    def __init__(self, base: Path, *flags: str, roots: bytes | None = None) -> None:
        words = [f"--model_base_path={base}", "--model_name=m", "--port=0", "--rest_api_port=-1", *flags]
        self.server = ModelServer(parse(words), Metrics())
        self.roots = roots

    def channel(self, **options: bytes) -> Any:
        """A gRPC channel."""
        address = f"localhost:{self.server.port}"
        if self.roots is None:
            return grpc.insecure_channel(address)
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(self.roots, **options))

    def y(self, **options: bytes) -> list[float]:
        """What it answers to 1 and 2 over gRPC."""
        with self.channel(**options) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            return list(stub.Predict(predict_request(), timeout=SECONDS).outputs["y"].float_val)

    def rest(self, scheme: str = "http", **options: Any) -> httpx.Client:
        """A client of its REST port."""
        return httpx.Client(base_url=f"{scheme}://localhost:{self.server.rest_port}", timeout=SECONDS, **options)


@contextmanager
def serving(base: Path, *flags: str, roots: bytes | None = None) -> Iterator[Made]:
    """Starts a server, and stops it."""
    made = Made(base, *flags, roots=roots)
    made.server.start()
    try:
        yield made
    finally:
        made.server.stop()


def test_both_ports_answer(base: Path) -> None:
    """A server has two ports that are free, and answers at both; what is not asked for is off."""
    with serving(base) as made, made.rest() as http:
        assert made.server.port != made.server.rest_port
        assert made.y() == [2.5, 3.0]
        assert http.post(PREDICT, json=BODY).json() == ANSWER
        for path in ("/healthz", "/readyz", "/monitoring/prometheus/metrics"):
            assert http.get(path).status_code == 404
        assert http.get("/v1/models").status_code == 400
        with made.channel() as channel, pytest.raises(grpc.RpcError) as refused:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        error: Any = refused.value
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_no_rest(base: Path) -> None:
    """With --rest_api_port=0 there is gRPC alone."""
    with serving(base, "--rest_api_port=0") as made:
        assert made.server.rest_port == 0
        assert made.y() == [2.5, 3.0]


def test_health(base: Path) -> None:
    """Names are those that upstream gives it, others not known; who watches hears of the stop, and of its end."""
    heard: list[int] = []
    first = threading.Event()
    made = Made(base, "--enable_grpc_healthcheck_service", f"--shutdown_grace_seconds={SECONDS * 10}")
    made.server.start()
    channel = made.channel()
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "ModelService", "PredictionService"):
        request = health_pb2.HealthCheckRequest(service=service)
        assert stub.Check(request, timeout=SECONDS).status == SERVING
    with pytest.raises(grpc.RpcError):
        stub.Check(health_pb2.HealthCheckRequest(service="x"), timeout=SECONDS)

    def watch() -> None:
        for answer in stub.Watch(health_pb2.HealthCheckRequest(service="PredictionService")):
            heard.append(answer.status)
            first.set()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    assert first.wait(SECONDS)
    finishes(made.server.stop)
    watching.join(SECONDS)
    assert not watching.is_alive()
    assert heard == [SERVING, NOT_SERVING]
    channel.close()


def test_health_and_models_over_rest(base: Path) -> None:
    """With their flags, /healthz, /readyz and the list of models answer."""
    with serving(base, "--rest_api_enable_health_check", "--rest_api_enable_model_list") as made, made.rest() as http:
        assert [http.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
        assert http.get("/v1/models").json() == {"models": [{"name": "m"}]}


def test_a_bearer_token(base: Path, tmp_path: Path) -> None:
    """With a token, requests that do not bear it are refused; line ends in its file are not of it."""
    (tmp_path / "token").write_text("secret\n")
    with serving(base, f"--rest_api_bearer_token_file={tmp_path}/token") as made, made.rest() as http:
        assert http.post(PREDICT, json=BODY).status_code == 401
        assert http.post(PREDICT, json=BODY, headers={"Authorization": "Bearer other"}).status_code == 401
        assert http.post(PREDICT, json=BODY, headers={"Authorization": "Bearer secret"}).json() == ANSWER


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: true path: "/metrics" }', "/metrics"),
    ],
)
def test_monitoring(base: Path, tmp_path: Path, text: str, path: str) -> None:
    """Metrics are at the path of the file, or at upstream's, and count both ways of asking."""
    (tmp_path / "monitoring").write_text(text)
    with serving(base, f"--monitoring_config_file={tmp_path}/monitoring") as made, made.rest() as http:
        made.y()
        http.post(PREDICT, json=BODY)
        assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 2' in http.get(path).text


def test_monitoring_off(base: Path, tmp_path: Path) -> None:
    """A file that does not enable them serves none."""
    (tmp_path / "monitoring").write_text('prometheus_config { path: "/metrics" }')
    with serving(base, f"--monitoring_config_file={tmp_path}/monitoring") as made, made.rest() as http:
        assert http.get("/metrics").status_code == 404


def test_batching(base: Path, tmp_path: Path) -> None:
    """The file's limits hold."""
    (tmp_path / "batching").write_text("max_batch_size { value: 2 } num_batch_threads { value: 1 }")
    flags = ("--enable_batching", f"--batching_parameters_file={tmp_path}/batching")
    with serving(base, *flags) as made, made.rest() as http:
        assert http.post(PREDICT, json=BODY).json() == ANSWER
        too_many = http.post(PREDICT, json={"instances": [1.0, 2.0, 3.0]})
        assert (too_many.status_code, too_many.json()["error"]) == (
            400,
            "Task size 3 is larger than maximum input batch size 2",
        )


def test_the_request_log_is_a_warm_up_file(base: Path, tmp_path: Path) -> None:
    """Requests over both ports are in one file of the model's once the server has stopped; a version takes it."""
    flags = (f"--request_log_path={tmp_path}/logs", "--request_log_sampling_rate=1")
    with serving(base, *flags) as made, made.rest() as http:
        made.y()
        http.post(PREDICT, json=BODY)
    (file,) = (tmp_path / "logs").glob("m-*.tfrecord")
    records = [PredictionLog.FromString(each.numpy()) for each in tf.data.TFRecordDataset(str(file))]
    assert [list(record.predict_log.response.outputs["y"].float_val) for record in records] == [[2.5, 3.0]] * 2
    models.half_plus_two(tmp_path / "2")
    (tmp_path / "2" / WARMUP_FILE).parent.mkdir()
    file.rename(tmp_path / "2" / WARMUP_FILE)
    VersionLoader(SessionOptions(), Metrics())("m", 2, tmp_path / "2").close()


def test_method_names_are_checked_if_that_is_asked_for(base: Path) -> None:
    """The flag reaches the signatures, over REST too."""
    body = {"signature_name": "classify_x2_to_y3", "examples": [{"x": 1.0}]}
    with serving(base, "--enable_signature_method_name_check") as made, made.rest() as http:
        refused = http.post("/v1/models/m:regress", json=body)
        assert refused.status_code == 400
        assert refused.json()["error"].startswith("Expected regression signature method_name to be")


@pytest.fixture(scope="module")
def certificate() -> tuple[bytes, bytes]:
    """A certificate of localhost that signs itself, and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


def ssl_config(folder: Path, certificate: tuple[bytes, bytes], **more: Any) -> str:
    """The flag that names an SSLConfig."""
    public, private = (part.decode() for part in certificate)
    config = SSLConfig(server_key=private, server_cert=public, **more)
    (folder / "ssl").write_text(text_format.MessageToString(config))
    return f"--ssl_config_file={folder}/ssl"


def test_tls_for_grpc(base: Path, tmp_path: Path, certificate: tuple[bytes, bytes]) -> None:
    """Clients that trust the certificate are answered; one without TLS is not. REST stays as it was."""
    with serving(base, ssl_config(tmp_path, certificate), roots=certificate[0]) as made, made.rest() as http:
        assert made.y() == [2.5, 3.0]
        made.roots = None
        with pytest.raises(grpc.RpcError):
            made.y()
        assert http.post(PREDICT, json=BODY).json() == ANSWER


def test_certificates_of_clients(base: Path, tmp_path: Path, certificate: tuple[bytes, bytes]) -> None:
    """With client_verify, a client needs a certificate of the authority's."""
    flag = ssl_config(tmp_path, certificate, custom_ca=certificate[0].decode(), client_verify=True)
    with serving(base, flag, roots=certificate[0]) as made:
        assert made.y(private_key=certificate[1], certificate_chain=certificate[0]) == [2.5, 3.0]
        with pytest.raises(grpc.RpcError):
            made.y()


def test_tls_for_rest(base: Path, tmp_path: Path, certificate: tuple[bytes, bytes]) -> None:
    """With a certificate and a key, REST speaks TLS alone."""
    public, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    public.write_bytes(certificate[0])
    private.write_bytes(certificate[1])
    flags = (f"--rest_api_ssl_certificate_file={public}", f"--rest_api_ssl_key_file={private}")
    trusted = ssl.create_default_context(cafile=str(public))
    with serving(base, *flags) as made:
        with made.rest("https", verify=trusted) as http:
            assert http.post(PREDICT, json=BODY).json() == ANSWER
        with made.rest() as plain, pytest.raises(httpx.HTTPError):
            plain.post(PREDICT, json=BODY)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("monitoring_config_file", "is no tensorflow.serving.MonitoringConfig as text"),
        ("ssl_config_file", "is no tensorflow.serving.SSLConfig as text"),
    ],
)
def test_files_that_are_not_what_they_should_be(base: Path, tmp_path: Path, flag: str, message: str) -> None:
    """A file that is no such message, or is not there, is an error that names it, before anything is loaded."""
    file = tmp_path / "file"
    with pytest.raises(UsageError, match=f"{file}: cannot be read"):
        Made(base, f"--{flag}={file}")
    file.write_text("none: 1")
    with pytest.raises(UsageError, match=f"{file}: {message}"):
        Made(base, f"--{flag}={file}")


def test_other_files(base: Path, tmp_path: Path) -> None:
    """So it is for the token, for batching, and for a request log that can have no folder."""
    (tmp_path / "file").write_text("none: 1")
    cases: list[Callable[[], Made]] = [
        lambda: Made(base, f"--rest_api_bearer_token_file={tmp_path}/none"),
        lambda: Made(base, "--enable_batching", f"--batching_parameters_file={tmp_path}/file"),
        lambda: Made(base, f"--request_log_path={tmp_path}/file/logs"),
    ]
    for case in cases:
        with pytest.raises(UsageError, match=str(tmp_path)):
            case()


def test_a_port_that_is_taken(base: Path) -> None:
    """The error names the port."""
    with serving(base) as made:
        second = Made(base, f"--port={made.server.port}")
        with pytest.raises(OSError, match=str(made.server.port)):
            second.server.start()
        second.server.stop()
