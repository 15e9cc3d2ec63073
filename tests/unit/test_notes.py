from __future__ import annotations

from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2

from pipeline import notes
from pipeline.spec import notes as notes_of_specs
from pipeline.spec.store import Artifact

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("Model", {}, ""),
    ("Model", {"is_baseline": 0}, "no model was blessed before"),
    ("Model", {"is_baseline": 1, "origin": "minio://b/m"}, "the latest blessed model"),
    ("ModelBlessing", {"blessed": 1}, "blessed"),
    ("ModelBlessing", {"blessed": 0}, "not blessed"),
    ("Examples", {"rows": '{"train": 1200, "test": 3}'}, "1,203 rows: train 1,200, test 3"),
    ("PushedModel", {"pushed": 0}, "held back"),
    ("PushedModel", {"pushed": 1, "is_new": 1, "pushed_version": "7"}, "pushed as version 7"),
    ("PushedModel", {"pushed": 1, "is_new": 0, "pushed_version": "7"}, "already pushed as version 7"),
    ("ModelRun", {"blessed": 1}, ""),
]


@pytest.mark.parametrize(("kind", "properties", "note"), CASES)
def test_a_step_says_what_it_made(kind: str, properties: dict[str, Any], note: str) -> None:
    """A run's note and that of a compiled pipeline's run are the same words, from MLMD and from an ExecutorOutput."""
    artifact = metadata_store_pb2.Artifact(type=kind)
    for name, value in properties.items():
        field = "int_value" if isinstance(value, int) else "string_value"
        setattr(artifact.custom_properties[name], field, value)
    assert notes.note_of([artifact]) == note
    described = Artifact("minio://b/a", {"instanceSchema": f"title: tfx.{kind}"}, properties)
    assert notes_of_specs.note_of([described]) == note
