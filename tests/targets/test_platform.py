from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2

from pipeline.targets import platform
from pipeline.targets.settings import Secret, StepSettings, Toleration, Volume


def config_of(settings: StepSettings) -> dict[str, Any]:
    """The executor's part of the document."""
    executors = platform.document({"x": settings})["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return dict(executors["x"])


def test_nothing_to_say_is_no_document() -> None:
    """Settings that the spec itself can say make none."""
    assert platform.document({"x": StepSettings(cpu="2", env={"A": "b"})}) == {}


def test_volumes_and_secrets_are_mounted() -> None:
    """A claim is a folder; a Secret is variables, files, or both."""
    settings = StepSettings(
        volumes=(Volume(claim="data", path="/data"),),
        secrets=(Secret(name="minio", env={"KEY": "accesskey"}, path="/secrets"),),
    )
    assert config_of(settings) == {
        "pvcMount": [
            {
                "constant": "data",
                "mountPath": "/data",
                "pvcNameParameter": {"runtimeValue": {"constant": "data"}},
            }
        ],
        "secretAsEnv": [
            {
                "secretName": "minio",
                "secretNameParameter": {"runtimeValue": {"constant": "minio"}},
                "keyToEnv": [{"secretKey": "accesskey", "envVar": "KEY"}],
                "optional": False,
            }
        ],
        "secretAsVolume": [
            {
                "secretName": "minio",
                "secretNameParameter": {"runtimeValue": {"constant": "minio"}},
                "mountPath": "/secrets",
                "optional": False,
            }
        ],
    }


def test_a_spot_node_is_chosen_and_its_taint_tolerated() -> None:
    """The label and the taint are those of the kind of cluster; other tolerations stay."""
    settings = StepSettings(spot="gke", node_selector={"disk": "ssd"}, tolerations=(Toleration(key="nvidia.com/gpu"),))
    assert config_of(settings) == {
        "nodeSelector": {"labels": {"cloud.google.com/gke-spot": "true", "disk": "ssd"}},
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Exists"},
            {"key": "cloud.google.com/gke-spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
        ],
    }


def test_a_spot_node_without_a_taint_needs_no_toleration() -> None:
    """EKS labels its spot nodes, and taints none."""
    assert config_of(StepSettings(spot="eks")) == {
        "nodeSelector": {"labels": {"eks.amazonaws.com/capacityType": "SPOT"}}
    }


def test_time_outs_and_labels_are_the_pods() -> None:
    """A time-out is in seconds, as text, since it is an int64 of protobuf's JSON."""
    assert config_of(StepSettings(timeout="2h", labels={"cost-center": "a"})) == {
        "activeDeadlineSeconds": "7200",
        "podMetadata": {"labels": {"cost-center": "a"}},
    }


def test_kubeflows_own_messages_take_it() -> None:
    """Every key is a field of KubernetesExecutorConfig, of the type that it has there."""
    settings = StepSettings(
        spot="aks",
        timeout="90s",
        labels={"team": "a"},
        volumes=(Volume(claim="data", path="/data"),),
        secrets=(Secret(name="minio", env={"KEY": "accesskey"}, path="/secrets"),),
        tolerations=(Toleration(key="nvidia.com/gpu", effect="NoExecute"),),
    )
    message = json_format.ParseDict(config_of(settings), kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    assert message.active_deadline_seconds == 90
    assert {field.name for field, _ in message.ListFields()} == {
        "pvc_mount",
        "secret_as_env",
        "secret_as_volume",
        "node_selector",
        "pod_metadata",
        "active_deadline_seconds",
        "tolerations",
    }
