"""The model that is to be served, as every target sees it: its name there, where its versions lie, what serves it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from serving.settings import Deploy, Serving

LONGEST_NAME = 50  # of 63 that a label of Kubernetes may have: suffixes are put behind it


@dataclass(frozen=True)
class Store:
    """Where a model's versions lie.

    Attributes:
      scheme: pvc, gs or s3.
      root: the claim or the bucket.
      folder: the folder in it; "" for all of it.
    """

    scheme: str
    root: str
    folder: str

    @property
    def uri(self) -> str:
        """The URI that names it."""
        return f"{self.scheme}://{self.root}" + (f"/{self.folder}" if self.folder else "")

    @property
    def path(self) -> str:
        """The bucket or the claim, and the folder."""
        return self.uri.partition("://")[2]


@dataclass(frozen=True)
class Model:
    """A model and how it is served.

    Attributes:
      name: as clients call it.
      serving: the settings.
      pushed: the folder that a run on this machine pushes its versions to.
      written: the folder that the files are written to.
      on_gpu: whether a GPU computes it.
    """

    name: str
    serving: Serving
    pushed: Path
    written: Path
    on_gpu: bool

    @property
    def deploy(self) -> Deploy:
        """The settings of the deployment."""
        return self.serving.deploy

    @property
    def resource_name(self) -> str:
        """The name of what Kubernetes makes: lower case, dashes, a letter first (RFC 1035, as Services want it)."""
        name = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")
        name = name if name[:1].isalpha() else f"model-{name}".rstrip("-")
        return name[:LONGEST_NAME].rstrip("-")

    @property
    def image(self) -> str:
        """The container image."""
        return self.deploy.image + ("-gpu" if self.on_gpu and not self.deploy.image.endswith("-gpu") else "")

    @property
    def store(self) -> Store | None:
        """Where the versions lie, if the configuration says so."""
        if self.deploy.models is None:
            return None
        scheme, _, path = self.deploy.models.partition("://")
        root, _, folder = path.partition("/")
        return Store(scheme, root, folder.strip("/"))
