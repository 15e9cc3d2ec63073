"""Configurations that cover what the targets differ in, rendered as `penstock deploy` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.deploy import render
from tests.unit.samples import config

Texts = dict[str, str]
LABELLED: dict[str, Any] = {"versions": [41, 42], "labels": {"stable": 41, "canary": 42}}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "compose": ("compose", {}),
    "compose-gpu": ("compose-gpu", {}),
    "compose-gs": ("compose", {"deploy": {"models": "gs://bucket/models/taxi"}}),
    "kubernetes": ("kubernetes", {}),
    "kubernetes-gpu": (
        "kubernetes",
        {
            **LABELLED,
            "model_name": "Taxi_Tips",
            "grpc_port": 9500,
            "rest_port": 9501,
            "deploy": {"gpus": 1, "cpus": 4, "memory": "16Gi", "models": "gs://bucket/taxi", "namespace": "models"},
        },
    ),
    "kubernetes-s3": ("kubernetes", {"latest_versions": 2, "deploy": {"models": "s3://bucket/taxi"}}),
    "kubernetes-claim": (
        "kubernetes",
        {"batching": {"enabled": False}, "deploy": {"models": "pvc://shared/models/taxi", "min_replicas": 1}},
    ),
    "kserve": ("kserve", {}),
    "kserve-gpu": (
        "kserve",
        {
            **LABELLED,
            "deploy": {"gpus": 1, "models": "s3://bucket/taxi", "image": "registry.example/tensorflow/serving:2.19.1"},
        },
    ),
}


def rendered(name: str, **serving: Any) -> Texts:
    """Returns the files of a case, with further settings laid over it."""
    target, settings = CASES[name]
    return render(config(serving=settings | serving), target, Path("/work/var"), Path("/work/deploy"))


def parsed(texts: Texts) -> list[dict[str, Any]]:
    """Returns all YAML documents of the files."""
    return [part for name, text in texts.items() if name.endswith(".yaml") for part in yaml.safe_load_all(text)]


def of_kind(texts: Texts, kind: str) -> dict[str, Any]:
    """Returns the first document of a kind."""
    return next(part for part in parsed(texts) if part.get("kind") == kind)


def container(texts: Texts) -> dict[str, Any]:
    """Returns the container of the model server: of a Deployment, of KServe's model, or of a compose file."""
    for part in parsed(texts):
        if part.get("kind") == "Deployment":
            found: dict[str, Any] = part["spec"]["template"]["spec"]["containers"][0]
            return found
        if part.get("kind") == "InferenceService":
            return dict(part["spec"]["predictor"]["model"])
        if "services" in part:
            service = dict(part["services"]["model-server"])
            return service | {"args": service["command"]}
    raise AssertionError(list(texts))


def config_texts(texts: Texts) -> Texts:
    """Returns the text files that the server reads, by name."""
    inside = {name.removeprefix("config/"): text for name, text in texts.items() if name.startswith("config/")}
    return inside or of_kind(texts, "ConfigMap")["data"]
