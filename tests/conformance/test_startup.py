"""Starting a server: flags, configuration files, and ports that open only when every model is there."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf import text_format
from grpc import StatusCode
from tensorflow_serving.config import model_server_config_pb2

from serving.server.protos import ssl_config_pb2
from tests.conformance.configs import config_text, model_config
from tests.conformance.conftest import Launcher
from tests.conformance.grpc_api import Grpc, examples, failure, predict_request, regress_request, spec
from tests.conformance.models import broken, example, half_plus_two
from tests.conformance.processes import Server, takes_connections
from tests.conformance.rest import Rest
from tests.conformance.shelf import Shelf
from tests.conformance.waiting import eventually

DEFAULTS = (
    "--rest_api_num_threads=8",
    "--rest_api_timeout_in_ms=30000",
    "--rest_api_enable_cors_support=false",
    "--enable_batching=false",
    "--allow_version_labels_for_unavailable_models=false",
    "--model_config_file_poll_wait_seconds=0",
    "--num_load_threads=0",
    "--max_num_load_retries=5",
    "--load_retry_interval_micros=60000000",
    "--file_system_poll_wait_seconds=1",
    "--tensorflow_intra_op_parallelism=0",
    "--tensorflow_inter_op_parallelism=0",
    "--per_process_gpu_memory_fraction=0.0",
    "--saved_model_tags=serve",
    "--grpc_max_threads=8",
    "--enable_model_warmup=true",
    "--num_request_iterations_for_warmup=0",
    "--enable_signature_method_name_check=false",
    "--enable_grpc_healthcheck_service=false",
    "--enable_serialization_as_tensor_content=false",
)
STOCK_ONLY = ("--flush_filesystem_caches=true", "--enable_profiler=true", "--prefer_tflite_model=false")


CLASSIFIER = spec("half_plus_two", signature="classify_x2_to_y3")


def write(path: Path, *configs: Any) -> str:
    """Writes a model config file, and returns the flag that names it."""
    path.write_text(config_text(configs))
    return f"--model_config_file={path}"


def test_flags_at_their_defaults(launch: Launcher, shelf: Shelf) -> None:
    """tensorflow_model_server's flags are taken, and at their defaults change nothing."""
    with launch(*shelf.half_plus_two, *DEFAULTS) as started:
        server = started.wait_until_open()
        assert server.rest
        assert Rest(server.rest).post("half_plus_two:predict", {"instances": [1.0]}).json == {"predictions": [2.5]}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_every_interface(plain_server: Server, host: str) -> None:
    """Both ports take connections on all interfaces, IPv6 and IPv4."""
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("there is no IPv6 here")
    assert plain_server.rest
    for address in (plain_server.grpc, plain_server.rest):
        assert takes_connections(f"{host}:{address.rpartition(':')[2]}")


def test_flags_of_the_stock_server_alone(launch: Launcher, shelf: Shelf) -> None:
    """A flag for what only the stock server has is taken, or refused by its name before anything is loaded."""
    with launch(*shelf.half_plus_two, *STOCK_ONLY) as started:
        eventually(lambda: started.process.poll() is not None or started.is_open(), "the server is open or has ended")
        ended = started.process.poll()
        assert ended is None or (ended != 0 and STOCK_ONLY[0].partition("=")[0].lstrip("-") in started.said())


def test_tensor_content(launch: Launcher, shelf: Shelf) -> None:
    """With --enable_serialization_as_tensor_content numbers are sent as bytes."""
    flags = (*shelf.half_plus_two, "--enable_serialization_as_tensor_content")
    with launch(*flags) as started:
        answer = Grpc(started.wait_until_open().grpc).predict(predict_request(spec("half_plus_two"), {"x": [2.0]}))
        assert (list(answer.outputs["y"].float_val), len(answer.outputs["y"].tensor_content)) == ([], 4)


def test_method_name_check(launch: Launcher, shelf: Shelf) -> None:
    """With --enable_signature_method_name_check signatures answer only the call that they are made for."""
    with launch(*shelf.half_plus_two, "--enable_signature_method_name_check") as started:
        api = Grpc(started.wait_until_open().grpc)
        assert api.y("half_plus_two") == 3.0
        regressed = regress_request(CLASSIFIER, examples(example(x=2.0)))
        assert failure(api.regress, regressed)[0] == StatusCode.INVALID_ARGUMENT


def test_logging_config(launch: Launcher, shelf: Shelf, tmp_path: Path) -> None:
    """A logging_config is refused at the start, as the stock server does, or heeded; it is not ignored."""
    config = model_config("m", shelf.folder / "half_plus_two")
    config.logging_config.log_collector_config.filename_prefix = str(tmp_path / "requests")
    config.logging_config.sampling_config.sampling_rate = 1.0
    with launch(write(tmp_path / "models", config)) as started:
        eventually(lambda: started.process.poll() is not None or started.is_open(), "the server is open or has ended")
        if started.process.poll() is None:
            assert Grpc(started.server.grpc).y("m") == 3.0
            started.process.terminate()
            assert started.wait_until_ended() == 0
            assert list(tmp_path.glob("requests*"))
        else:
            assert started.process.returncode != 0
            assert "log" in started.said()


def test_ports_stay_shut(launch: Launcher, base_path: Path) -> None:
    """While a model's base path is missing, both ports are shut; when it is there they open."""
    base_path.rmdir()
    with launch("--model_name=m", f"--model_base_path={base_path}") as started:
        eventually(lambda: "Could not find base path" in started.said(), "the server has looked for the path")
        time.sleep(2)
        assert started.process.poll() is None
        assert not started.is_open()
        half_plus_two(base_path.parent / "aside" / "1")
        (base_path.parent / "aside").rename(base_path)
        assert Grpc(started.wait_until_open().grpc).y("m") == 3.0


def test_model_that_cannot_be_loaded(launch: Launcher, shelf: Shelf, base_path: Path, tmp_path: Path) -> None:
    """A server whose first models do not all load ends, and says which; its ports were never open."""
    broken(base_path / "1")
    flag = write(tmp_path / "models", model_config("m", base_path), *shelf.configs(labelled=False)[:1])
    with launch(flag, "--max_num_load_retries=0", "--load_retry_interval_micros=0") as started:
        assert started.wait_until_ended() != 0
        assert "1 servable(s) did not become available: {{{name: m version: 1} due to error: " in started.said()


@pytest.mark.parametrize(
    "text",
    ["model_config_list {", "model_config_list { config { nonsense: 1 } }", "config"],
)
def test_config_file_that_is_none(launch: Launcher, tmp_path: Path, text: str) -> None:
    """A file that is no ModelServerConfig ends the server, with the reason."""
    (tmp_path / "models").write_text(text)
    with launch(f"--model_config_file={tmp_path / 'models'}") as started:
        assert started.wait_until_ended() != 0
        assert "Error parsing text-format tensorflow.serving.ModelServerConfig" in started.said()


def test_nothing_to_serve(launch: Launcher) -> None:
    """A server without models ends."""
    with launch() as started:
        assert started.wait_until_ended() != 0
        assert "model_base_path" in started.said()


@pytest.mark.parametrize(
    "flags",
    [
        ["--batching_parameters_file=/dev/null"],
        [
            "--tensorflow_session_parallelism=1",
            "--tensorflow_intra_op_parallelism=1",
            "--tensorflow_inter_op_parallelism=1",
        ],
    ],
)
def test_flags_that_contradict_each_other(launch: Launcher, shelf: Shelf, flags: list[str]) -> None:
    """A server ends whose flags do not go together."""
    with launch(*shelf.half_plus_two, *flags) as started:
        assert started.wait_until_ended() != 0


def test_version(launch: Launcher) -> None:
    """--version prints it and ends."""
    with launch("--version") as started:
        assert started.wait_until_ended() == 0
        assert any(character.isdigit() for character in started.said())


def test_first_labels(launch: Launcher, shelf: Shelf, tmp_path: Path) -> None:
    """Labels in the first configuration need a flag, for nothing is loaded yet."""
    config = model_config("versions", shelf.folder / "versions", "all {}", {"stable": 1})
    flag = write(tmp_path / "models", config)
    with launch(flag) as started:
        assert started.wait_until_ended() != 0
    with launch(flag, "--allow_version_labels_for_unavailable_models=true") as started:
        assert Grpc(started.wait_until_open().grpc).y("versions", label="stable") == 3.0


def test_config_file_is_read_again(launch: Launcher, shelf: Shelf, tmp_path: Path) -> None:
    """With a poll wait the file is read again; one that is wrong is ignored."""
    half, texts = (
        model_config(name, shelf.folder / folder) for name, folder in (("m", "half_plus_two"), ("n", "versions"))
    )
    path = tmp_path / "models"
    with launch(write(path, half), "--model_config_file_poll_wait_seconds=1") as started:
        api = Grpc(started.wait_until_open().grpc)
        path.write_text("nonsense {")
        time.sleep(2)
        assert api.y("m") == 3.0
        write(tmp_path / "next", half, texts)
        (tmp_path / "next").rename(path)
        eventually(lambda: knows(api, "n"), "n is served")
        assert (api.y("m"), api.y("n")) == (3.0, 4.0)
        write(tmp_path / "next", texts)
        (tmp_path / "next").rename(path)
        eventually(lambda: "END" in api.states("m").values(), "m is unloaded")


def knows(api: Grpc, model: str) -> bool:
    """Whether a model is served."""
    try:
        return "AVAILABLE" in api.states(model).values()
    except grpc.RpcError:
        return False


def test_model_type(launch: Launcher, shelf: Shelf, tmp_path: Path) -> None:
    """model_type is the old name of model_platform; one of them is needed."""
    config = model_config("m", shelf.folder / "half_plus_two")
    config.ClearField("model_platform")
    with launch(write(tmp_path / "none", config), "--max_num_load_retries=0") as started:
        assert started.wait_until_ended() != 0
    config.model_type = model_server_config_pb2.TENSORFLOW
    with launch(write(tmp_path / "old", config)) as started:
        assert Grpc(started.wait_until_open().grpc).y("m") == 3.0


def certificate() -> tuple[bytes, bytes]:
    """A key and a certificate for localhost, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    signed = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256())
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, *plain), signed.public_bytes(pem)


@pytest.mark.parametrize("client_verify", [False, True])
def test_tls(launch: Launcher, shelf: Shelf, tmp_path: Path, *, client_verify: bool) -> None:
    """With --ssl_config_file gRPC is encrypted, and a client may have to show a certificate; REST is not."""
    key, cert = certificate()
    config = ssl_config_pb2.SSLConfig(
        server_key=key.decode(), server_cert=cert.decode(), custom_ca=cert.decode(), client_verify=client_verify
    )
    (tmp_path / "ssl").write_text(text_format.MessageToString(config))
    with launch(*shelf.half_plus_two, f"--ssl_config_file={tmp_path / 'ssl'}") as started:
        server = started.wait_until_open()
        shown = grpc.ssl_channel_credentials(cert, key, cert)
        assert Grpc(server.grpc, shown).y("half_plus_two") == 3.0
        anonymous = Grpc(server.grpc, grpc.ssl_channel_credentials(cert))
        if client_verify:
            with pytest.raises(grpc.RpcError):
                anonymous.y("half_plus_two")
        else:
            assert anonymous.y("half_plus_two") == 3.0
        with pytest.raises(grpc.RpcError):
            Grpc(server.grpc).y("half_plus_two")
        assert server.rest
        assert Rest(server.rest).get("/v1/models/half_plus_two").status == 200
