"""Where a step finds its files: a pod of Kubeflow, which holds what was downloaded, or Vertex AI's mounted buckets.

Object stores are folders: `objects/minio/<bucket>/…`, `objects/s3/…`, `objects/gcs/…`. Kubeflow's launcher downloads a
step's inputs to /minio/…, /s3/… and /gcs/… in its pod (LocalPathForURI), and uploads its outputs from there; Vertex AI
mounts the buckets at /gcs (Cloud Storage FUSE).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.spec.platform import Mount
from schema.errors import StepFailed

FOLDERS = {"minio://": "minio", "s3://": "s3", "gs://": "gcs"}
MOUNT = "PENSTOCK_ARTIFACT_MOUNT"  # tells pipeline.container where minio/, s3/ and gcs/ are
OUR_ENTRY_POINT = "pipeline.container"


def key_of(uri: str) -> PurePosixPath | None:
    """Returns where an object lies in the folder of all stores; None for an address that is in none.

    Raises:
      StepFailed: the address leads out of its store.
    """
    scheme = next((scheme for scheme in FOLDERS if uri.startswith(scheme)), None)
    if scheme is None:
        return None
    key = PurePosixPath(FOLDERS[scheme], uri.removeprefix(scheme).lstrip("/"))
    if ".." in key.parts:
        raise StepFailed(f"{uri}: an address in an object store holds no '..'.")
    return key


class Place:
    """Where one attempt of a step runs.

    Args:
      folder: holds minio/, s3/ and gcs/ as the step sees them.
      own: the folder of files that only this attempt has.
      mounts: volumes, and what else stands for paths of the backend.
    """

    def __init__(self, folder: Path, own: Path, mounts: Iterable[Mount]) -> None:
        self.folder, self._own, self.mounts = folder, own, list(mounts)
        self._own.mkdir(parents=True, exist_ok=True)

    @property
    def output_file(self) -> Path:
        """Where the step writes its ExecutorOutput."""
        return self._own / "tmp" / "kfp_outputs" / "output_metadata.json"

    def parameter_file(self, name: str) -> Path:
        """Returns where the step writes an output parameter."""
        return self._own / "tmp" / "kfp" / "outputs" / name

    def path(self, uri: str) -> Path:
        """Returns where the step reads or writes an artifact."""
        key = key_of(uri)
        return Path(uri) if key is None else self.folder / key

    def told(self, path_or_uri: str) -> str:
        """Returns an address as the step is told it."""
        return path_or_uri

    def untold(self, uri: str) -> str:
        """Returns the address that the step means."""
        return uri

    @property
    def environment(self) -> dict[str, str]:
        """The variables that tell the step where its files are."""
        return {MOUNT: str(self.folder)}

    def prepare(self, outputs: Iterable[str]) -> None:
        """Makes the folders into which the step writes, and no more: its output itself is not there yet."""
        self.output_file.parent.mkdir(parents=True, exist_ok=True)
        self.parameter_file("").mkdir(parents=True, exist_ok=True)
        for uri in outputs:
            self.path(uri).parent.mkdir(parents=True, exist_ok=True)

    def download(self, uris: Iterable[str]) -> None:
        """Has the step see its inputs."""

    def upload(self, uri: str) -> bool:
        """Has others see an output; returns whether there is one: a step may leave it out."""
        return self.path(uri).exists()

    def remove(self) -> None:
        """Removes what only this attempt has."""
        shutil.rmtree(self._own, ignore_errors=True)


class KubeflowPod(Place):
    """A pod: a folder of its own, into which inputs are copied, so that a step that edits them harms no other."""

    def __init__(self, folder: Path, objects: Path, mounts: Iterable[Mount]) -> None:
        _remove(folder)  # an earlier attempt's, which failed
        super().__init__(folder, folder, mounts)
        self._objects = objects

    def download(self, uris: Iterable[str]) -> None:
        """Copies inputs from the object store; what is not there is left out, as by the launcher."""
        for uri in dict.fromkeys(uris):
            key = key_of(uri)
            if key is not None and (self._objects / key).exists():
                _copy(self._objects / key, self.folder / key)

    def upload(self, uri: str) -> bool:
        """Moves an output to the object store; what was there before is replaced."""
        key = key_of(uri)
        if key is None or not (self.folder / key).exists():
            return False
        there = self._objects / key
        _remove(there)
        there.parent.mkdir(parents=True, exist_ok=True)
        os.rename(self.folder / key, there)  # noqa: PTH104  # the same disk: both are in the workdir
        return True


class VertexTask(Place):
    """A task of Vertex AI: it sees all buckets; its ExecutorOutput and output parameters lie in the bucket, too.

    Our own entry point is told gs:// addresses, as on Vertex AI. TFX's reads them through TensorFlow, which finds no
    such bucket here, and so do most others: they are told paths.
    """

    def __init__(self, uri: str, objects: Path, mounts: Iterable[Mount], command: Iterable[str]) -> None:
        self._uri, self._is_ours = uri, OUR_ENTRY_POINT in list(command)
        (objects / FOLDERS["gs://"]).mkdir(parents=True, exist_ok=True)
        buckets = objects / FOLDERS["gs://"]
        whole = [*mounts, Mount("/gcs/", buckets), *([] if self._is_ours else [Mount("gs://", buckets)])]
        key = key_of(uri)
        super().__init__(objects, Path(uri) if key is None else objects / key, whole)

    @property
    def output_file(self) -> Path:
        """Where the step writes its ExecutorOutput."""
        return self._own / "executor_output.json"

    def parameter_file(self, name: str) -> Path:
        """Returns where the step writes an output parameter."""
        return self._own / name if name else self._own

    def told(self, path_or_uri: str) -> str:
        """Returns gs:// to our own entry point, a path to any other."""
        if self._is_ours:
            return self.untold(path_or_uri)
        return str(self.path(path_or_uri))

    def untold(self, uri: str) -> str:
        """Returns the gs:// address of a path in a bucket."""
        root = f"{self.folder / FOLDERS['gs://']}/"
        return f"gs://{uri.removeprefix(root)}" if uri.startswith(root) else uri

    def remove(self) -> None:
        """Keeps all: artifacts lie in this folder."""


def is_kept(objects: Path, uri: str) -> bool:
    """Whether an artifact's files are still there."""
    key = key_of(uri)
    return (Path(uri) if key is None else objects / key).exists()


def _copy(there: Path, here: Path) -> None:
    here.parent.mkdir(parents=True, exist_ok=True)
    if there.is_dir():
        shutil.copytree(there, here, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(there, here)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def artifact_uris(inputs: Any) -> list[str]:
    """Returns the address of the first artifact of each input, which is the one that the launcher downloads."""
    return [artifacts[0].uri for artifacts in inputs.artifacts.values() if artifacts]
