"""The pods of Kubernetes: a Deployment whose replicas answer once a version is loaded, and stop after draining."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from serving.deploy import fetching
from serving.deploy.model import Model
from serving.deploy.server import FOLDER, flags, is_loaded

Part = dict[str, Any]
USER = 1000
GPU = "nvidia.com/gpu"
PROBE_SECONDS = 5
KILL_SECONDS = 5
SCRATCH: Part = {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}
SCRATCH_MOUNT: Part = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108  # the container's own
CONTAINER_SECURITY: Part = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def labels(model: Model) -> dict[str, str]:
    """Returns the labels of everything that belongs to the model."""
    return {"app.kubernetes.io/name": "tensorflow-serving", "app.kubernetes.io/instance": model.resource_name}


def metadata(model: Model, suffix: str = "") -> Part:
    """Returns the metadata of a resource; its namespace is put in by kustomize."""
    return {"name": f"{model.resource_name}{suffix}", "labels": labels(model)}


def deployment(model: Model, base_path: str, texts: Mapping[str, str]) -> Part:
    """Returns the Deployment.

    It has no `replicas`, which are the autoscaler's. What the server rereads is not in the checksum; a change of the
    rest starts the pods anew.
    """
    fixed = "".join(text for name, text in texts.items() if name != "models.config")
    checksum = hashlib.sha256(fixed.encode()).hexdigest()
    template = {
        "metadata": {"labels": labels(model), "annotations": {"checksum/config": checksum}},
        "spec": _pod(model, base_path),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(model),
        "spec": {
            "selector": {"matchLabels": labels(model)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "progressDeadlineSeconds": model.deploy.start_seconds + 60,
            "template": template,
        },
    }


def _pod(model: Model, base_path: str) -> Part:
    spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    pod: Part = {
        "serviceAccountName": model.resource_name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": model.deploy.drain_seconds + KILL_SECONDS,
        "securityContext": {"runAsNonRoot": True, "fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch"},
        "topologySpreadConstraints": [spread | {"labelSelector": {"matchLabels": labels(model)}}],
    }
    if model.on_gpu:
        pod["tolerations"] = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
    if model.store and model.store.scheme == "s3":
        pod["initContainers"] = fetching.init_containers(model, model.store, base_path, CONTAINER_SECURITY)
    return pod | {"containers": [_server(model, base_path)], "volumes": _volumes(model)}


def _server(model: Model, base_path: str) -> Part:
    grpc, rest = model.serving.grpc_port, model.serving.rest_port
    return {
        "name": "model-server",
        "image": model.image,
        "command": ["tensorflow_model_server"],
        "args": flags(model, base_path, grpc, rest),
        "ports": [{"name": "grpc", "containerPort": grpc}, {"name": "http", "containerPort": rest}],
        "resources": resources(model),
        "startupProbe": {
            "grpc": {"port": grpc},
            "periodSeconds": PROBE_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": -(-model.deploy.start_seconds // PROBE_SECONDS),
        },
        "readinessProbe": {
            "exec": {"command": is_loaded(model, rest)},
            "periodSeconds": PROBE_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "livenessProbe": {"tcpSocket": {"port": "grpc"}, "periodSeconds": 15, "timeoutSeconds": 5},
        "lifecycle": {"preStop": {"sleep": {"seconds": model.deploy.drain_seconds}}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": _mounts(model, base_path),
    }


def resources(model: Model) -> Part:
    """Returns what a server gets; as much as it asks for, so that its threads have the cores that they count on."""
    amounts: Part = {"cpu": str(model.deploy.cpus), "memory": model.deploy.memory}
    return {"requests": amounts, "limits": amounts | ({GPU: model.deploy.gpus} if model.on_gpu else {})}


def _mounts(model: Model, base_path: str) -> list[Part]:
    mounts: list[Part] = [{"name": "config", "mountPath": FOLDER, "readOnly": True}, SCRATCH_MOUNT]
    if "://" in base_path:
        return mounts
    store = model.store
    inside = {"subPath": store.folder} if store and store.scheme == "pvc" and store.folder else {}
    return [*mounts, {"name": "models", "mountPath": base_path, "readOnly": True} | inside]


def _volumes(model: Model) -> list[Part]:
    name, store = model.resource_name, model.store
    volumes: list[Part] = [{"name": "config", "configMap": {"name": f"{name}-config"}}, SCRATCH]
    if store is None or store.scheme == "pvc":
        claim = {"claimName": store.root if store else f"{name}-models", "readOnly": True}
        return [*volumes, {"name": "models", "persistentVolumeClaim": claim}]
    if store.scheme == "gs":
        return volumes
    fetch: Part = {"name": "fetch", "configMap": {"name": f"{name}-fetch"}}
    return [*volumes, fetch, {"name": "models", "emptyDir": {"sizeLimit": model.deploy.models_size}}]
