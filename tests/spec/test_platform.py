from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.spec.platform import Mount, deadline_of, mounts_of, rewrite
from pipeline.spec.queries import latest
from pipeline.spec.store import Artifact
from schema.errors import StepFailed, UsageError

VOLUMES = Path("/var/volumes")
MODEL = {"instanceSchema": "title: tfx.Model\ntype: object\n"}
BLESSING = {"instanceSchema": "title: tfx.ModelBlessing\n"}
ARTIFACTS = [
    Artifact("u5", BLESSING, {"blessed": 0}, id=5),
    Artifact("u4", BLESSING, {"blessed": 1.0, "current_model_id": "3"}, id=4),
    Artifact("u3", MODEL, {"note": "a b"}, id=3),
    Artifact("u2", {"schemaTitle": "system.Model"}, id=2),
]


@pytest.mark.parametrize(
    ("config", "mounts"),
    [
        ({}, []),
        ({"pvcMount": [{"constant": "c", "mountPath": "/data/"}]}, [("/data", "c")]),
        ({"pvcMount": [{"pvcNameParameter": {"runtimeValue": {"constant": "c"}}, "mountPath": "/d"}]}, [("/d", "c")]),
        ({"pvcMount": [{"componentInputParameter": "claim", "mountPath": "/d"}]}, [("/d", "given")]),
        ({"pvcMount": [{"constant": "c", "mountPath": "/d", "subPath": "s/t"}]}, [("/d", "c/s/t")]),
        ({"secretAsVolume": [{"secretName": "s", "mountPath": "/s"}]}, [("/s", "s")]),
        ({"emptyDirMounts": [{"volumeName": "e", "mountPath": "/e"}]}, [("/e", "empty/e")]),
        (
            {"pvcMount": [{"constant": "a", "mountPath": "/d"}, {"constant": "b", "mountPath": "/d/long"}]},
            [("/d/long", "b"), ("/d", "a")],
        ),
    ],
)
def test_mounts_are_folders_of_the_workdir(config: dict[str, Any], mounts: list[tuple[str, str]]) -> None:
    """Each volume is a folder; the longest paths are looked at first."""
    found = mounts_of(config, VOLUMES, VOLUMES / "empty", {"claim": "given"})
    assert [(mount.prefix, str(mount.folder.relative_to(VOLUMES))) for mount in found] == mounts


@pytest.mark.parametrize(
    "config",
    [
        {"constant": "c"},
        {"mountPath": "/data"},
        {"constant": "../c", "mountPath": "/d"},
        {"constant": "c", "mountPath": "d"},
    ],
)
def test_a_mount_without_a_path_or_a_volume_is_refused(config: dict[str, str]) -> None:
    """A mount says its volume, which is no path, and an absolute path."""
    with pytest.raises(UsageError, match="has a pvcMount without"):
        mounts_of({"pvcMount": [config]}, VOLUMES, VOLUMES, {})


@pytest.mark.parametrize(
    ("value", "rewritten"),
    [
        ("/data", "/v/c"),
        ("/data/x/*", "/v/c/x/*"),
        ("/database", "/database"),
        ("x/data", "x/data"),
        ("--path=/data/x", "--path=/v/c/x"),
        ("a /data", "a /data"),
        ("gs://b/k", "/o/b/k"),
        (["/data/x", 3, None], ["/v/c/x", 3, None]),
        ({"/data": {"a": "/data/y"}}, {"/data": {"a": "/v/c/y"}}),
        ('{"a": ["/data/y"]}', '{"a": ["/v/c/y"]}'),
        ('{"a":  "b/data"}', '{"a":  "b/data"}'),
        ("{/data", "{/data"),
    ],
)
def test_paths_on_a_mount_are_rewritten(value: object, rewritten: object) -> None:
    """A text that begins with a mount's path is put there, in lists, mappings and JSON too; nothing else changes."""
    assert rewrite(value, [Mount("/data", Path("/v/c")), Mount("gs://", Path("/o"))]) == rewritten


def test_a_time_out_is_a_whole_number() -> None:
    """Kfp writes seconds as a text; none or 0 is none."""
    assert [deadline_of({"activeDeadlineSeconds": said}) for said in ("60", 60, 0, None)] == [60, 60, None, None]
    with pytest.raises(UsageError, match="activeDeadlineSeconds 'soon'"):
        deadline_of({"activeDeadlineSeconds": "soon"})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('schema_title="tfx.ModelBlessing" AND state=LIVE', "u5"),
        ('schema_title="tfx.ModelBlessing" AND state=LIVE AND metadata.blessed.number_value=1', "u4"),
        ('schema_title="tfx.Model" AND state=LIVE AND name="3"', "u3"),
        ('schema_title="tfx.Model" AND name="4"', None),
        ('metadata.note.string_value="a b"', "u3"),
        ('schema_title="system.Model"', "u2"),
        ("state=DELETED", None),
    ],
)
def test_a_query_finds_the_latest_artifact_that_fits(query: str, found: str | None) -> None:
    """The queries that TFX compiles for LatestArtifact and LatestBlessedModel find what they name, or nothing."""
    artifact = latest(ARTIFACTS, query)
    assert (artifact.uri if artifact else None) == found


@pytest.mark.parametrize("query", ["", "size>3", 'schema_title="a" OR state=LIVE', 'name="a'])
def test_a_query_of_another_form_is_refused(query: str) -> None:
    """A query that is not understood fails; it does not find anything by chance."""
    with pytest.raises(StepFailed, match="cannot be read at"):
        latest(ARTIFACTS, query)
