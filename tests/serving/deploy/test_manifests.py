"""What the manifests promise: hardened pods, readiness, draining, room for a GPU, and parts that find each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import UsageError
from serving.deploy.model import Model
from serving.deploy.targets import TARGETS
from serving.settings import Serving
from tests.serving.deploy.cases import CASES, container, of_kind, parsed, rendered
from tests.unit.samples import config

ON_KUBERNETES = [name for name in CASES if name.startswith("kubernetes")]
NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def pod(name: str, **serving: Any) -> dict[str, Any]:
    """Returns the pod of a case's Deployment."""
    spec: dict[str, Any] = of_kind(rendered(name, **serving), "Deployment")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("name", ON_KUBERNETES)
def test_every_container_is_hardened(name: str) -> None:
    """No container is root, gains rights, keeps a capability, or writes where no volume is."""
    containers = pod(name)["containers"] + pod(name).get("initContainers", [])
    for security in (part["securityContext"] for part in containers):
        assert security["runAsNonRoot"]
        assert security["readOnlyRootFilesystem"]
        assert not security["allowPrivilegeEscalation"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod(name)["automountServiceAccountToken"]


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("compose")])
def test_the_compose_service_is_hardened(name: str) -> None:
    """It is no user of the machine, writes nowhere, is reached from this machine only, and comes back by itself."""
    service = container(rendered(name))
    assert not service["user"].startswith(("0", "root"))
    assert service["read_only"]
    assert all(volume["read_only"] for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["cap_drop"] == ["ALL"]
    assert service["restart"] == "unless-stopped"


def test_a_server_drains_before_it_is_ended() -> None:
    """It goes on answering for the time that is asked for, and the grace period is longer than that."""
    spec = pod("kubernetes", deploy={"drain_seconds": 40})
    sleep = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert sleep == 40
    assert spec["terminationGracePeriodSeconds"] > sleep


def test_a_server_may_take_its_time_to_load() -> None:
    """The start-up probe goes on for the time that is asked for, and the rollout waits longer than that."""
    texts = rendered("kubernetes", deploy={"start_seconds": 601})
    probe = container(texts)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 601
    assert of_kind(texts, "Deployment")["spec"]["progressDeadlineSeconds"] > 601


def test_the_start_up_probe_asks_for_what_the_server_offers() -> None:
    """Its gRPC health check is at the server's port, and the server is told to have one."""
    served = container(rendered("kubernetes", grpc_port=9500))
    assert served["startupProbe"]["grpc"] == {"port": 9500}
    assert {"--enable_grpc_healthcheck_service=true", "--port=9500"} <= set(served["args"])


@pytest.mark.parametrize("name", ON_KUBERNETES)
def test_the_parts_find_each_other(name: str) -> None:
    """Selectors have the pods' labels, references have the names of what is there, mounts have their volumes."""
    texts = rendered(name)
    labels = of_kind(texts, "Deployment")["spec"]["template"]["metadata"]["labels"]
    for part in parsed(texts):
        spec = part.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector")
        assert selector in (None, labels, {"matchLabels": labels})
    names = {(part["kind"], part["metadata"]["name"]) for part in parsed(texts) if "metadata" in part}
    target = of_kind(texts, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    spec = pod(name)
    assert {(target["kind"], target["name"]), ("ServiceAccount", spec["serviceAccountName"])} <= names
    maps = {("ConfigMap", volume["configMap"]["name"]) for volume in spec["volumes"] if "configMap" in volume}
    assert maps <= names
    for part in spec["containers"] + spec.get("initContainers", []):
        assert {mount["name"] for mount in part["volumeMounts"]} <= {volume["name"] for volume in spec["volumes"]}


def test_the_monitor_reads_where_the_metrics_are() -> None:
    """The ServiceMonitor's port is the REST port's name, in one Service only, and its path the server's."""
    texts = rendered("kubernetes")
    (endpoint,) = of_kind(texts, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["path"] in of_kind(texts, "ConfigMap")["data"]["monitoring.txt"]
    ports = [port for part in parsed(texts) if part["kind"] == "Service" for port in part["spec"]["ports"]]
    assert [port["port"] for port in ports if port["name"] == endpoint["port"]] == [8501]


@pytest.mark.parametrize(
    ("name", "asked", "given_gpus"),
    [("kubernetes", 0, None), ("kubernetes", 2, 2), ("kserve", 0, None), ("kserve", 1, 1)],
)
def test_a_gpu_is_asked_for_where_the_settings_do(name: str, asked: int, given_gpus: int | None) -> None:
    """With GPUs the image is the GPU's, the limit names them, and batches are a GPU's; without, none of it."""
    texts = rendered(name, deploy={"gpus": asked})
    served = container(texts)
    assert served["resources"]["limits"].get("nvidia.com/gpu") == given_gpus
    tag = served["image"] if name == "kubernetes" else served["runtimeVersion"]
    assert tag.endswith("-gpu") == bool(asked)
    assert ("allowed_batch_sizes" in of_kind(texts, "ConfigMap")["data"]["batching.txt"]) == bool(asked)


@pytest.mark.parametrize(("asked", "count"), [(0, 1), (2, 2)])
def test_compose_gpu_has_a_gpu_in_any_case(asked: int, count: int) -> None:
    """compose-gpu reserves at least one GPU, and compose none whatever is asked for."""
    service = container(rendered("compose-gpu", deploy={"gpus": asked}))
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert (device["count"], service["image"]) == (count, "tensorflow/serving:2.19.1-gpu")
    plain = container(rendered("compose", deploy={"gpus": asked}))
    assert (plain["image"], "reservations" in plain["deploy"]["resources"]) == ("tensorflow/serving:2.19.1", False)


@pytest.mark.parametrize(
    ("models", "claim", "folder"),
    [(None, "taxi-models", None), ("pvc://shared", "shared", None), ("pvc://shared/a/b/", "shared", "a/b")],
)
def test_versions_lie_in_a_claim(models: str | None, claim: str, folder: str | None) -> None:
    """One is made where none is named; of one that is named, the folder is what the server sees."""
    texts = rendered("kubernetes", deploy={"models": models})
    (volume,) = (
        volume for volume in pod("kubernetes", deploy={"models": models})["volumes"] if volume["name"] == "models"
    )
    assert volume["persistentVolumeClaim"] == {"claimName": claim, "readOnly": True}
    (mount,) = (mount for mount in container(texts)["volumeMounts"] if mount["name"] == "models")
    assert mount.get("subPath") == folder
    assert ("pvc.yaml" in texts) == (models is None)


@pytest.mark.parametrize("models", ["s3://bucket/taxi", "pvc://claim"])
@pytest.mark.parametrize("target", ["compose", "compose-gpu"])
def test_compose_refuses_what_it_cannot_read(target: str, models: str) -> None:
    """A claim and S3 are refused, with what was given and the ways out."""
    with pytest.raises(UsageError, match=rf"models is '{models}'.*--target kubernetes or kserve"):
        rendered(target, deploy={"models": models})


@settings(deadline=None)
@given(name=st.from_regex(r"^[A-Za-z0-9_-]{1,80}\Z"))
def test_any_model_has_a_name_that_kubernetes_takes(name: str) -> None:
    """Whatever the model is called, what is made for it has a legal name, with room for suffixes."""
    model = Model(name, Serving(), Path("/pushed"), Path("/written"), on_gpu=False)
    assert NAME.fullmatch(model.resource_name)
    assert len(model.resource_name) <= 50


@pytest.mark.parametrize("name", ["Taxi_Tips", "7", "-", "a" * 70])
def test_clients_call_the_model_by_its_own_name(name: str) -> None:
    """The server and the probe have the model's name as it is, whatever Kubernetes calls it."""
    texts = rendered("kubernetes", model_name=name)
    assert f'name: "{name}"' in of_kind(texts, "ConfigMap")["data"]["models.config"]
    assert f"/v1/models/{name} " in container(texts)["readinessProbe"]["exec"]["command"][-1]


@pytest.mark.parametrize(
    ("serving", "says"),
    [
        ({"labels": {"stable": 3}}, "labels point to 3, which `versions` does not list"),
        ({"labels": {"blue/green": 3}, "versions": [3]}, "'blue/green' is no label"),
        ({"rest_port": 8500}, "are both 8500"),
        ({"deploy": {"min_replicas": 9}}, "min_replicas is 9, above max_replicas, which is 6"),
        ({"batching": {"max_execution_batch_size": 9999}}, "above max_batch_size, which is 4096"),
        ({"batching": {"max_batch_size": 100_000}}, "raise max_enqueued_batches"),
        ({"deploy": {"models": "/srv/models"}}, "pvc://"),
        ({"deploy": {"image": "tensorflow/serving"}}, "image"),
    ],
)
def test_settings_that_cannot_work_are_refused(serving: dict[str, Any], says: str) -> None:
    """What the server or Kubernetes would refuse hours later is refused when the YAML is read."""
    with pytest.raises(ValueError, match=re.escape(says)):
        config(serving=serving)


def test_the_command_line_knows_every_target() -> None:
    """The targets of the command line are those of the table."""
    from pipeline.cli import cli

    (kind,) = (option.type for option in cli.commands["deploy"].params if option.name == "target")
    assert isinstance(kind, click.Choice)
    assert list(kind.choices) == list(TARGETS)
