"""What the manifests of a pipeline share: names, labels, and where files lie in the pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.config import Config
from pipeline.targets.settings import DEFAULT, StepSettings
from serving.deploy.workload import CONTAINER_SECURITY

Part = dict[str, Any]
FOLDER = "/etc/penstock"
CONFIG, SCHEMA = f"{FOLDER}/pipeline.yaml", f"{FOLDER}/schema.pbtxt"
PASSWORD_FOLDER = "/etc/penstock-metadata"  # noqa: S105  # a folder
PASSWORD_KEY = "password"  # noqa: S105  # a Secret's key
PASSWORD_FILE = f"{PASSWORD_FOLDER}/{PASSWORD_KEY}"
WORKDIR = "/var/lib/penstock"


@dataclass(frozen=True)
class Place:
    """One pipeline on a cluster.

    Attributes:
      name: what all of its resources are named from.
      secret: holds the metadata server's password.
      has_database: whether a PostgreSQL comes with it.
      has_password: whether the metadata server asks for one.
    """

    name: str
    secret: str
    has_database: bool
    has_password: bool

    @classmethod
    def of(cls, config: Config) -> Place:
        """Returns the place that a configuration asks for; without a metadata server it gets one of its own."""
        own = config.metadata.backend == "sqlite"
        letters = config.name.rstrip("-")
        name = f"{letters if letters[0].isalpha() else f'p-{letters}'}-pipeline"
        secret = config.kubernetes.password_secret or f"{name}-metadata"
        return cls(name, secret, own, own or config.metadata.password_file is not None)

    def labels(self, component: str = "run") -> dict[str, str]:
        """Returns the labels of a part of the pipeline: its runs, or its metadata server."""
        return {
            "app.kubernetes.io/name": "penstock",
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/component": component,
        }

    def metadata(self, suffix: str = "", component: str = "run") -> Part:
        """Returns the metadata of a resource; its namespace is put in by kustomize."""
        return {"name": f"{self.name}{suffix}", "labels": self.labels(component)}


def security(user: int) -> Part:
    """Returns a container's security context: this user and group, no rights, a root filesystem that is read only."""
    return CONTAINER_SECURITY | {"runAsUser": user, "runAsGroup": user}


def settings(config: Config) -> StepSettings:
    """Returns what the pod gets."""
    return config.steps.get(DEFAULT, StepSettings())


def mounted(config: Config) -> list[str]:
    """Returns the folders of the pod that are not the image's."""
    wanted = settings(config)
    folders = [volume.path for volume in wanted.volumes]
    return [WORKDIR, *folders, *(secret.path for secret in wanted.secrets if secret.path)]


def claim(storage: str, storage_class: str | None, access: str) -> Part:
    """Returns the spec of a claim."""
    spec: Part = {"accessModes": [access], "resources": {"requests": {"storage": storage}}}
    return spec | ({"storageClassName": storage_class} if storage_class else {})
