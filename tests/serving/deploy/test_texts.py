"""The server's flags and text files, read back by the messages that TensorFlow Serving reads them with."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_serving.config import model_server_config_pb2

from serving.deploy.model import Model
from serving.deploy.server import batching, models_config, padded_sizes
from serving.server.batching.parameters import parse
from serving.server.flags import Flags
from serving.server.protos import monitoring_config_pb2
from serving.settings import Serving
from tests.serving.deploy.cases import CASES, LABELLED, config_texts, container, of_kind, rendered

VERSIONS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4, unique=True)
NAMES = st.from_regex(r"^[A-Za-z0-9_]+\Z")


def model(*, on_gpu: bool = False, **serving: Any) -> Model:
    """Returns a model with settings."""
    return Model("taxi", Serving.model_validate(serving), Path("/pushed"), Path("/written"), on_gpu)


@pytest.mark.parametrize("name", CASES)
def test_the_text_files_are_what_the_server_parses(name: str) -> None:
    """Each target's files parse as the messages that they are, and the server finds each where its flags say."""
    texts = config_texts(rendered(name))
    parsed = text_format.Parse(texts["models.config"], model_server_config_pb2.ModelServerConfig())
    (served,) = parsed.model_config_list.config
    assert served.base_path.startswith(("/", "gs://"))
    monitored = text_format.Parse(texts["monitoring.txt"], monitoring_config_pb2.MonitoringConfig())
    assert monitored.prometheus_config.enable
    if "batching.txt" in texts:
        parse(texts["batching.txt"])
    named = re.findall(r"/etc/model-server/(\S+)", " ".join(container(rendered(name))["args"]))
    assert sorted(named) == sorted(texts)


@settings(deadline=None)
@given(versions=VERSIONS, names=st.lists(NAMES, max_size=4), base_path=st.text(max_size=30))
def test_any_policy_comes_back(versions: list[int], names: list[str], base_path: str) -> None:
    """Versions, labels and a path of any letters are what the server reads."""
    labels = dict(zip(names, versions * 4, strict=False))
    text = models_config(model(versions=versions, labels=labels), base_path)
    (served,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert (served.name, served.model_platform, served.base_path) == ("taxi", "tensorflow", base_path)
    assert list(served.model_version_policy.specific.versions) == versions
    assert dict(served.version_labels) == labels


def test_the_latest_versions_are_the_policy_of_default() -> None:
    """Without versions the policy is the latest, as many as are asked for."""
    text = models_config(model(latest_versions=3), "/models")
    (served,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert served.model_version_policy.latest.num_versions == 3


@settings(deadline=None)
@given(rows=st.integers(1, 10_000), on_gpu=st.booleans(), batch=st.none() | st.integers(1, 10_000))
def test_any_batching_is_what_the_server_accepts(rows: int, batch: int | None, *, on_gpu: bool) -> None:
    """Whatever sizes the settings allow, the server's own checks pass, and a request of the largest size is let in."""
    asked = {"max_batch_size": rows, "max_execution_batch_size": min(batch, rows) if batch else None}
    parameters = parse(batching(model(on_gpu=on_gpu, batching=asked | {"max_enqueued_batches": rows})))
    assert parameters.max_batch_size == rows
    assert parameters.batch_limit * parameters.max_enqueued_batches >= rows
    assert not (parameters.enable_large_batch_splitting and parameters.allowed_batch_sizes)


def test_batches_wait_on_a_gpu_only() -> None:
    """On a CPU nothing waits, on a GPU a batch waits 2 ms; both as the settings say where they say it."""
    assert parse(batching(model())).batch_timeout_micros == 0
    assert parse(batching(model(on_gpu=True))).batch_timeout_micros == 2000
    assert parse(batching(model(on_gpu=True, batching={"batch_timeout_micros": 0}))).batch_timeout_micros == 0


def test_batches_are_computed_on_the_cores_that_there_are() -> None:
    """As many batches are computed at once as the server has cores."""
    assert parse(batching(model(deploy={"cpus": 7}))).num_batch_threads == 7
    assert parse(batching(model(deploy={"cpus": 7}, batching={"num_batch_threads": 3}))).num_batch_threads == 3


@pytest.mark.parametrize(
    ("largest", "sizes"), [(1, [1]), (32, [32]), (33, [32, 33]), (200, [32, 64, 128, 200]), (128, [32, 64, 128])]
)
def test_padded_sizes_end_with_the_largest(largest: int, sizes: list[int]) -> None:
    """Batches are filled up to powers of two, and to the largest size."""
    assert padded_sizes(largest) == sizes


def test_labels_come_with_the_flag_that_lets_the_server_start() -> None:
    """A label in the first configuration stops the server unless it may point to what is not loaded yet."""
    flag = "--allow_version_labels_for_unavailable_models=true"
    assert flag in container(rendered("kubernetes", **LABELLED))["args"]
    assert flag not in container(rendered("kubernetes"))["args"]


@pytest.mark.parametrize("name", CASES)
def test_every_flag_is_one_of_the_server(name: str) -> None:
    """No flag is misspelt: TensorFlow Serving would go on without it."""
    given_flags = {flag.removeprefix("--").partition("=")[0] for flag in container(rendered(name))["args"]}
    assert given_flags - {field.name for field in fields(Flags)} == set()


def test_a_bucket_is_looked_at_less_often() -> None:
    """A look into a bucket costs money: once a minute, and once a second into a folder."""
    assert "--file_system_poll_wait_seconds=60" in container(rendered("kubernetes-gpu"))["args"]
    assert "--file_system_poll_wait_seconds=1" in container(rendered("kubernetes"))["args"]


def test_only_what_the_server_does_not_reread_starts_pods_anew() -> None:
    """Another label leaves the pods as they are, another batch size replaces them."""

    def checksum(**serving: Any) -> str:
        template = of_kind(rendered("kubernetes", **serving), "Deployment")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert checksum(versions=[41, 42]) == checksum(versions=[42])
    assert checksum(batching={"max_batch_size": 512}) != checksum()
