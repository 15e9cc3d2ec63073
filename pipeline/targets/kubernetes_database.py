"""The PostgreSQL that keeps the lineage of a pipeline's runs, on the same cluster."""

from __future__ import annotations

from pipeline.config import Config
from pipeline.targets.kubernetes_parts import (
    PASSWORD_FILE,
    PASSWORD_FOLDER,
    Part,
    Place,
    claim,
    security,
)

USER = 999  # postgres, in the official image
PORT = 5432
DATABASE = "penstock"
FOLDER = "/var/lib/postgresql/data"
COMPONENT = "metadata"
RESOURCES: Part = {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}


def connection(place: Place) -> Part:
    """Returns the `metadata` section by which the pod finds the server."""
    return {
        "backend": "postgresql",
        "host": f"{place.name}-metadata",
        "port": PORT,
        "database": DATABASE,
        "user": DATABASE,
        "password_file": PASSWORD_FILE,
    }


def parts(config: Config, place: Place) -> list[Part]:
    """Returns the StatefulSet, its Service, and who may talk to it."""
    return [_stateful_set(config, place), _service(place), _network_policy(place)]


def _stateful_set(config: Config, place: Place) -> Part:
    wanted = config.kubernetes
    labels = place.labels(COMPONENT)
    volume = claim(wanted.database.storage, wanted.storage_class, "ReadWriteOnce")
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": place.metadata("-metadata", COMPONENT),
        "spec": {
            "serviceName": f"{place.name}-metadata",
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod(wanted.database.image, place)},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": volume}],
        },
    }


def _pod(image: str, place: Place) -> Part:
    return {
        "serviceAccountName": place.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {"runAsNonRoot": True, "fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch"},
        "containers": [_container(image)],
        "volumes": [
            {"name": "password", "secret": {"secretName": place.secret, "defaultMode": 0o440}},
            {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _container(image: str) -> Part:
    variables = {
        "POSTGRES_USER": DATABASE,
        "POSTGRES_DB": DATABASE,
        "POSTGRES_PASSWORD_FILE": PASSWORD_FILE,
        "PGDATA": f"{FOLDER}/pgdata",
    }
    asks = {"exec": {"command": ["pg_isready", "--username", DATABASE, "--dbname", DATABASE]}, "timeoutSeconds": 5}
    return {
        "name": "postgresql",
        "image": image,
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "ports": [{"name": "postgresql", "containerPort": PORT}],
        "resources": RESOURCES,
        "startupProbe": asks | {"periodSeconds": 5, "failureThreshold": 60},
        "readinessProbe": asks | {"periodSeconds": 10},
        "livenessProbe": asks | {"periodSeconds": 30, "failureThreshold": 5},
        "securityContext": security(USER),
        "volumeMounts": [
            {"name": "data", "mountPath": FOLDER},
            {"name": "password", "mountPath": PASSWORD_FOLDER, "readOnly": True},
            {"name": "run", "mountPath": "/var/run/postgresql"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # the container's own
        ],
    }


def _service(place: Place) -> Part:
    port = {"name": "postgresql", "port": PORT, "targetPort": "postgresql"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": place.metadata("-metadata", COMPONENT),
        "spec": {"clusterIP": "None", "selector": place.labels(COMPONENT), "ports": [port]},
    }


def _network_policy(place: Place) -> Part:
    runs = {"podSelector": {"matchLabels": place.labels()}}
    port = {"protocol": "TCP", "port": PORT}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": place.metadata("-metadata", COMPONENT),
        "spec": {
            "podSelector": {"matchLabels": place.labels(COMPONENT)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [runs], "ports": [port]}],
            "egress": [],
        },
    }
