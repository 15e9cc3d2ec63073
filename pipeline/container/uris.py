"""The addresses of artifacts, and the local folders in which the backend's launcher keeps copies of them.

Kubeflow's launcher (LocalPathForURI in backend/src/v2/component/launcher_v2.go) downloads a step's inputs to
/minio/<bucket>/…, /s3/… or /gcs/…, and uploads the outputs from there. TensorFlow and Beam do not know minio://, and a
step's pod need not have the credentials for s3://: the executors are given the local paths.

gs:// is mapped where /gcs is mounted, as it is on Vertex AI (Cloud Storage FUSE) and under Kubeflow's launcher: our
components and most user code open plain paths. Where it is not mounted, gs:// stays, since TensorFlow and Beam reach it
themselves; it stays too for a Beam executor on Dataflow, whose workers have no such mount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDERS = {"minio://": "minio", "s3://": "s3", "gs://": "gcs"}
GCS = "gs://"


@dataclass(frozen=True)
class Mount:
    """Where the folders are.

    Attributes:
      root: the folder that holds minio/, s3/ and gcs/; `/` in a pod.
      schemes: the schemes that are mapped.
    """

    root: Path
    schemes: tuple[str, ...] = tuple(FOLDERS)

    @classmethod
    def at(cls, root: Path, *, keep_gcs: bool = False) -> Mount:
        """Returns the mount at `root`: gs:// is mapped where there is a folder `gcs`, unless it is to be kept."""
        is_mapped = not keep_gcs and (root / FOLDERS[GCS]).is_dir()
        return cls(root, tuple(scheme for scheme in FOLDERS if scheme != GCS or is_mapped))

    def local(self, uri: str) -> str:
        """Returns the local path of an artifact; an address that is not mapped as it is."""
        for scheme in self.schemes:
            if uri.startswith(scheme):
                return self._folder(scheme) + uri.removeprefix(scheme)
        return uri

    def remote(self, path: str) -> str:
        """Returns the address of what lies at a local path; a path outside the folders as it is."""
        for scheme in self.schemes:
            folder = self._folder(scheme)
            if path.startswith(folder):
                return scheme + path.removeprefix(folder)
        return path

    def _folder(self, scheme: str) -> str:
        return f"{self.root / FOLDERS[scheme]}/"


def remote_text(text: str, places: Mapping[str, str]) -> str:
    """Returns the address of what a text names, where that is an artifact's local path or something below it.

    Args:
      text: a custom property, which may name a path.
      places: the addresses of the step's artifacts by local path.
    """
    for path, uri in places.items():
        folder = path.rstrip("/")
        if text == folder or text.startswith(f"{folder}/"):
            return uri.rstrip("/") + text.removeprefix(folder)
    return text
