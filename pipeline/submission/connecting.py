"""The target that the options name, all of it checked before its SDK is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.submission.compiled import VERTEX
from pipeline.submission.orders import Target
from schema.errors import UsageError

IN_CLUSTER_HOST = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
IN_CLUSTER_TOKENS = (  # the first is projected for Kubeflow Pipelines, the second is every pod's
    "/var/run/secrets/kubeflow/pipelines/token",
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
)
Given = Mapping[str, Any]


def settings_of(target: str, given: Given) -> dict[str, Any]:
    """Returns what the target's class is made of.

    Raises:
      UsageError: an address is missing or none, or a file cannot be read.
    """
    return _vertex(given) if target == VERTEX else _kubeflow(given)


def connect(target: str, settings: Mapping[str, Any]) -> Target:
    """Returns the target; here its SDK is imported, which takes seconds."""
    if target == VERTEX:
        from pipeline.submission.vertex import Place, Vertex

        return Vertex(Place(**settings["place"]))
    from pipeline.submission.kubeflow import Kubeflow
    from pipeline.submission.kubeflow_client import Host

    return Kubeflow(Host(**settings["host"]), settings["experiment"], settings["service_account"])


def _kubeflow(given: Given) -> dict[str, Any]:
    """What pipeline.submission.kubeflow.Kubeflow is made of."""
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ  # which Kubernetes sets in every pod
    url = given["host"] or os.environ.get("KF_PIPELINES_ENDPOINT") or (IN_CLUSTER_HOST if in_cluster else None)
    ui_url = given["ui_host"] or os.environ.get("KF_PIPELINES_UI_ENDPOINT")
    if not url:
        raise UsageError("Kubeflow Pipelines is where? Give --host URL, or set KF_PIPELINES_ENDPOINT.")
    return {
        "host": {
            "url": _url(url, "--host"),
            "namespace": given["namespace"],
            "token_file": _token_file(given["token_file"], looks_for_own=in_cluster),
            "ca_file": _readable(given["ca_file"], "--ca-file"),
            "ui_url": _url(ui_url, "--ui-host") if ui_url else None,
        },
        "experiment": given["experiment"],
        "service_account": given["service_account"],
    }


def _vertex(given: Given) -> dict[str, Any]:
    """What pipeline.submission.vertex.Vertex is made of."""
    missing = [f"--{name}" for name in ("project", "region") if not given[name]]
    if missing:
        raise UsageError(f"Vertex AI needs {' and '.join(missing)}.")
    return {
        "place": {
            "project": given["project"],
            "region": given["region"],
            "credentials_file": _readable(given["credentials_file"], "--credentials-file"),
            "service_account": given["service_account"],
            "network": given["network"],
            "endpoint": given["api_endpoint"],
        }
    }


def _url(text: str, option: str) -> str:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{option} {text!r} is no address. Legal is such as https://kubeflow.example.com/pipeline.")
    return parts.geturl().rstrip("/")


def _token_file(given: Path | None, *, looks_for_own: bool) -> Path | None:
    if given is None:
        own = map(Path, (os.environ.get("KF_PIPELINES_SA_TOKEN_PATH") or IN_CLUSTER_TOKENS[0], IN_CLUSTER_TOKENS[1]))
        return next((file for file in own if looks_for_own and file.is_file()), None)
    file = _readable(given, "--token-file")
    assert file is not None
    words = file.read_text(encoding="utf-8", errors="replace").split()
    if len(words) != 1 or not words[0].isascii():
        raise UsageError(f"--token-file {given}: it must hold a token and nothing else; it holds {len(words)} words.")
    return file


def _readable(file: Path | None, option: str) -> Path | None:
    try:
        if file is not None:
            file.open("rb").close()
    except OSError as error:
        raise UsageError(f"{option} {file}: {error.strerror}.") from error
    return file
