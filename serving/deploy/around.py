"""What stands around the pods: configuration, identity, storage, addresses, scaling, disruption, network, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.deploy.model import Model
from serving.deploy.server import METRICS_PATH
from serving.deploy.workload import labels, metadata

Part = dict[str, Any]
SCRAPE_SECONDS = 15
CALM_SECONDS = 300
MONITORING_NAMESPACE = "monitoring"
DNS: Part = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}
HTTPS: Part = {"ports": [{"protocol": "TCP", "port": 443}]}
GOOGLE_IDENTITY: tuple[Part, ...] = (  # where pods of Google's Kubernetes get their tokens
    {"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}], "ports": [{"protocol": "TCP", "port": 80}]},
    {"to": [{"ipBlock": {"cidr": "169.254.169.252/32"}}], "ports": [{"protocol": "TCP", "port": 988}]},
)
AWS_IDENTITY: Part = {
    "to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}],
    "ports": [{"protocol": "TCP", "port": 80}],
}


def config_map(model: Model, suffix: str, texts: Mapping[str, str]) -> Part:
    """Returns a ConfigMap of text files."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(model, suffix), "data": dict(texts)}


def service_account(model: Model) -> Part:
    """Returns the pods' identity, without a token for Kubernetes."""
    head = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(model)}
    return head | {"automountServiceAccountToken": False}


def claim(model: Model) -> Part:
    """Returns the claim that holds the versions."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(model, "-models"),
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": model.deploy.models_size}},
        },
    }


def service(model: Model) -> Part:
    """Returns the address that spreads connections: for REST."""
    ports = [
        {"name": "grpc", "port": model.serving.grpc_port, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"},
        {"name": "http", "port": model.serving.rest_port, "targetPort": "http", "appProtocol": "http"},
    ]
    return _service(model, "", {"type": "ClusterIP", "selector": labels(model), "ports": ports})


def headless_service(model: Model) -> Part:
    """Returns the name behind which gRPC's clients find each pod, to spread calls themselves."""
    port = {"name": "grpc", "port": model.serving.grpc_port, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"}
    return _service(model, "-grpc", {"clusterIP": "None", "selector": labels(model), "ports": [port]})


def autoscaler(model: Model) -> Part:
    """Returns the HorizontalPodAutoscaler."""
    deploy = model.deploy
    target = {"type": "Utilization", "averageUtilization": deploy.cpu_percent}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(model),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": model.resource_name},
            "minReplicas": deploy.min_replicas,
            "maxReplicas": deploy.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": CALM_SECONDS}},
        },
    }


def disruption_budget(model: Model) -> Part:
    """Returns the PodDisruptionBudget."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(model),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(model)}},
    }


def network_policy(model: Model) -> Part:
    """Returns who may talk to the pods, and whom they may talk to."""
    grpc = {"protocol": "TCP", "port": model.serving.grpc_port}
    rest = {"protocol": "TCP", "port": model.serving.rest_port}
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": MONITORING_NAMESPACE}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(model),
        "spec": {
            "podSelector": {"matchLabels": labels(model)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"podSelector": {}}], "ports": [grpc, rest]},
                {"from": [monitoring], "ports": [rest]},
            ],
            "egress": _egress(model),
        },
    }


def service_monitor(model: Model) -> Part:
    """Returns the Prometheus Operator's ServiceMonitor; of the two Services one has a port called http."""
    endpoint = {"port": "http", "path": METRICS_PATH, "interval": f"{SCRAPE_SECONDS}s"}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata(model),
        "spec": {"selector": {"matchLabels": labels(model)}, "endpoints": [endpoint]},
    }


def kustomization(model: Model, resources: list[str]) -> Part:
    """Returns the file that `kubectl apply -k` reads."""
    head: Part = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    place = {"namespace": model.deploy.namespace} if model.deploy.namespace else {}
    return head | place | {"resources": resources}


def _service(model: Model, suffix: str, spec: Part) -> Part:
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(model, suffix), "spec": spec}


def _egress(model: Model) -> list[Part]:
    match model.store.scheme if model.store else "pvc":
        case "gs":
            return [DNS, HTTPS, *GOOGLE_IDENTITY]
        case "s3":
            return [DNS, HTTPS, AWS_IDENTITY]
        case _:
            return []
