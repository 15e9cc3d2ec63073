"""Configurations that cover what the manifests differ in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.config import Config
from pipeline.targets.kubernetes import manifests
from tests.unit.samples import config

Texts = dict[str, str]
IMAGE = "registry.example/penstock:1.0"
CLOUD = {"source": "parquet", "path": "s3://bucket/trips/*.parquet"}
CASES: dict[str, dict[str, Any]] = {
    "plain": {"data": CLOUD},
    "gpu": {
        "name": "7-taxis",
        "data": {"path": "/data/trips.csv"},
        "steps": {
            "default": {
                "cpu": "7500m",
                "memory": "48Gi",
                "accelerator": {"type": "nvidia.com/gpu"},
                "retries": 2,
                "timeout": "6h",
                "env": {"TF_NUM_INTRAOP_THREADS": "7"},
                "labels": {"team": "rides"},
                "spot": "gke",
                "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
                "tolerations": [{"key": "training"}],
                "volumes": [{"claim": "trips", "path": "/data"}],
                "secrets": [{"name": "keys", "env": {"AWS_ACCESS_KEY_ID": "id"}, "path": "/keys"}],
            }
        },
        "kubernetes": {
            "schedule": "30 4 * * 1-5",
            "time_zone": "America/Chicago",
            "namespace": "rides",
            "storage": "200Gi",
            "storage_class": "fast",
            "access": "ReadWriteMany",
        },
    },
    "own-server": {
        "data": {
            "source": "sql",
            "connection": "mssql+pyodbc://reader@trips.example:1444/trips",
            "query": "SELECT * FROM trips",
            "password_file": "/keys/trips",
        },
        "metadata": {
            "backend": "mysql",
            "host": "mysql.example",
            "database": "mlmd",
            "user": "penstock",
            "password_file": "/home/me/password",
        },
        "steps": {"default": {"secrets": [{"name": "keys", "path": "/keys"}]}},
        "kubernetes": {"claim": "taxi", "password_secret": "mysql", "egress_ports": [9000]},
    },
}


def configured(case: str, /, **changes: Any) -> Config:
    """Returns the configuration of a case, with changes laid over its top level."""
    return config(**{"image": IMAGE} | CASES[case] | changes)


def rendered(case: str, /, **changes: Any) -> Texts:
    """Returns the files of a case."""
    return manifests(configured(case, **changes))


def parsed(texts: Texts) -> list[dict[str, Any]]:
    """Returns all documents of the files."""
    return [part for text in texts.values() for part in yaml.safe_load_all(text)]


def of_kind(texts: Texts, kind: str) -> dict[str, Any]:
    """Returns the first document of a kind."""
    return next(part for part in parsed(texts) if part["kind"] == kind)


def pods(texts: Texts) -> list[dict[str, Any]]:
    """Returns the specs of all pods: the run's, and the metadata server's where there is one."""
    found = []
    for part in parsed(texts):
        if part["kind"] == "CronJob":
            found.append(part["spec"]["jobTemplate"]["spec"]["template"])
        if part["kind"] == "StatefulSet":
            found.append(part["spec"]["template"])
    return found


def schema_file(folder: Path, text: str = 'feature { name: "fare" type: FLOAT }\n') -> str:
    """Writes a schema, and returns its path."""
    file = folder / "taxi.pbtxt"
    file.write_text(text, encoding="utf-8")
    return str(file)
