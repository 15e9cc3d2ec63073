from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.container.uris import FOLDERS, Mount, remote_text

KEYS = st.text(min_size=1).filter(lambda key: not key.startswith("/"))
ROOTS = st.sampled_from([Path("/"), Path("/tmp/pod1"), Path("/tmp/minio")])  # noqa: S108  # nothing is written


@given(ROOTS, st.sampled_from(sorted(FOLDERS)), KEYS)
def test_an_address_goes_to_its_folder_and_back(root: Path, scheme: str, key: str) -> None:
    """Mapping an artifact's address to the local path and that back gives the address again, whatever the key."""
    mount = Mount(root)
    local = mount.local(scheme + key)
    assert Path(local).is_relative_to(root / FOLDERS[scheme])
    assert mount.remote(local) == scheme + key


@given(ROOTS, KEYS.filter(lambda key: "://" not in key))
def test_what_is_no_address_stays(root: Path, path: str) -> None:
    """A path or an address of another scheme is not touched on the way in."""
    mount = Mount(root)
    assert mount.local(f"/elsewhere/{path}") == f"/elsewhere/{path}"
    assert mount.local(f"hdfs://{path}") == f"hdfs://{path}"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("minio://mlpipeline/v2/a", "/minio/mlpipeline/v2/a"),
        ("s3://bucket/a/b", "/s3/bucket/a/b"),
        ("gs://bucket/a", "/gcs/bucket/a"),
    ],
)
def test_the_folders_are_those_of_the_launcher(uri: str, path: str) -> None:
    """The folders are the ones of LocalPathForURI in Kubeflow's launcher."""
    assert Mount(Path("/")).local(uri) == path


def test_gs_is_mapped_where_it_is_mounted(tmp_path: Path) -> None:
    """A gs:// address stays where there is no folder gcs, and where it is to be kept for Dataflow's workers."""
    assert Mount.at(tmp_path).local("gs://b/a") == "gs://b/a"
    (tmp_path / "gcs").mkdir()
    assert Mount.at(tmp_path).local("gs://b/a") == f"{tmp_path}/gcs/b/a"
    assert Mount.at(tmp_path, keep_gcs=True).local("gs://b/a") == "gs://b/a"
    assert Mount.at(tmp_path, keep_gcs=True).local("s3://b/a") == f"{tmp_path}/s3/b/a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/minio/b/model", "minio://b/model"),
        ("/minio/b/model/Format-Serving/1", "minio://b/model/Format-Serving/1"),
        ("/minio/b/model2", "/minio/b/model2"),
        ("at /minio/b/model", "at /minio/b/model"),
        ("/minio/b", "/minio/b"),
    ],
)
def test_a_text_is_mapped_where_it_is_a_path_of_an_artifact(text: str, said: str) -> None:
    """A custom property changes where it is an artifact's local path or lies below it, and nowhere else."""
    assert remote_text(text, {"/minio/b/model": "minio://b/model"}) == said
