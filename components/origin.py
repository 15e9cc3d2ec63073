"""What tells one model from others: the URI of its artifact, wherever a step sees it.

On Kubeflow and Vertex AI one step may see `minio://bucket/m`, and another the folder where a launcher or a mount shows
it, `/minio/bucket/m`: these are one origin.
"""

from __future__ import annotations

import re

SCHEME = re.compile(r"^(minio|s3|gs)://")
MOUNT = re.compile(r"^.*/(minio|s3|gcs)/")  # LocalPathForURI in Kubeflow's backend/src/v2/component/launcher_v2.go


def are_one(one: str, other: str) -> bool:
    """Returns whether two URIs are of one artifact."""
    return _place(one) == _place(other)


def _place(origin: str) -> str:
    """The part of a URI that is the same wherever a launcher or a mount shows the bucket; a local path as it is."""
    return MOUNT.sub("", SCHEME.sub("/minio/", origin))
