"""What one pod of a cluster cannot run is refused, with the key, what it was, and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.loading import load
from pipeline.targets.kubernetes_settings import Kubernetes
from schema.errors import UsageError
from tests.targets.kubernetes.cases import CLOUD, parsed, rendered, schema_file
from tests.unit.samples import minimal, write

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({"image": None}, "'image' is missing"),
    "a file of this machine": ({"data": {"path": "/home/me/trips.csv"}}, "'data.path' is '/home/me/trips.csv'"),
    "a database of this machine": (
        {"data": {"source": "sql", "connection": "sqlite:////home/me/trips.db", "query": "SELECT 1"}},
        "'data.connection' is '/home/me/trips.db'",
    ),
    "a password of this machine": (
        {
            "data": {
                "source": "sql",
                "connection": "postgresql://me@db.example/trips",
                "query": "SELECT 1",
                "password_file": "/home/me/password",
            }
        },
        "on a volume or Secret of 'steps.default'",
    ),
    "a step's own settings": ({"steps": {"Trainer": {"cpu": "4"}}}, "'steps.Trainer': here one pod runs all steps"),
    "a GPU of Vertex": (
        {"steps": {"default": {"accelerator": {"type": "NVIDIA_L4"}}}},
        "'steps.default.accelerator.type' is 'NVIDIA_L4'",
    ),
    "a long name": ({"name": "a" * 33}, "'name' has 33 letters; here at most 32"),
    "a schema that is not there": (
        {"schema": {"path": "/nowhere/taxi.pbtxt"}},
        "'schema.path' is '/nowhere/taxi.pbtxt'",
    ),
}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "four fields": ({"schedule": "0 6 * *"}, "schedule' is '0 6 * *': legal are five fields"),
    "an unknown preset": ({"schedule": "@fortnightly"}, "@weekly"),
    "an unknown zone": ({"time_zone": "Mars/Olympus"}, "no such time zone"),
    "a zone outside": ({"time_zone": "../etc/passwd"}, "no such time zone"),
    "a size without a unit": ({"storage": "20"}, "kubernetes.storage"),
    "a name in capitals": ({"claim": "Trips"}, "kubernetes.claim"),
    "a port": ({"egress_ports": [70000]}, "kubernetes.egress_ports"),
    "an access mode": ({"access": "RWX"}, "kubernetes.access"),
    "an image without a tag": ({"database": {"image": "postgres"}}, "kubernetes.database.image"),
    "an unknown key": ({"shedule": "@daily"}, "schedule"),
    "a history below nothing": ({"keep_failed": -1}, "kubernetes.keep_failed"),
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_what_no_pod_can_run_is_refused(changes: dict[str, Any], said: str) -> None:
    """Each reason is told before anything is written."""
    with pytest.raises(UsageError) as error:
        rendered("plain", **changes)
    assert said in str(error.value)


def test_every_reason_is_told_at_once() -> None:
    """A configuration with several faults is refused once, with all of them."""
    with pytest.raises(UsageError) as error:
        rendered("plain", image=None, data={"path": "/trips.csv"}, steps={"Trainer": {"cpu": "4"}})
    assert all(key in str(error.value) for key in ("'image'", "'data.path'", "'steps.Trainer'"))


@pytest.mark.parametrize("path", ["/var/lib/penstock/trips.csv", "pkg://tfx/data.csv", "s3://bucket/trips.csv"])
def test_data_that_the_pod_sees_is_taken(path: str) -> None:
    """A file below the workdir, of an installed package or in a bucket is where the pod is."""
    assert rendered("plain", data={"path": path})


def test_a_schema_that_no_configmap_holds_is_refused(tmp_path: Path) -> None:
    """A schema of more than Kubernetes takes is refused, with its size."""
    large = schema_file(tmp_path, "# " + "x" * 900_000)
    with pytest.raises(UsageError, match="900,002 bytes"):
        rendered("plain", schema={"path": large})


@pytest.mark.parametrize(("section", "said"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_told_with_their_key(section: dict[str, Any], said: str, tmp_path: Path) -> None:
    """A wrong value in the section `kubernetes` is refused when the file is read."""
    file = write(tmp_path / "taxi.yaml", minimal(data=CLOUD, kubernetes=section))
    with pytest.raises(UsageError) as error:
        load([file])
    assert said in str(error.value)


@settings(deadline=None, max_examples=30)
@given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True))
def test_every_name_of_a_pipeline_gives_legal_names(name: str) -> None:
    """Resources have names that Services (RFC 1035) and labels (63 letters) may have, whatever the pipeline's."""
    for part in parsed(rendered("plain", name=name)):
        for text in [part.get("metadata", {}).get("name", "a"), *part.get("metadata", {}).get("labels", {}).values()]:
            assert len(text) <= 52
            assert text[0].isalpha()
            assert text[-1].isalnum()


@settings(deadline=None)
@given(st.text(max_size=20))
def test_no_schedule_breaks_the_reading(schedule: str) -> None:
    """Any text is a schedule that YAML gives back, or is refused."""
    try:
        Kubernetes(schedule=schedule)
    except ValidationError:
        return
    texts = rendered("plain", kubernetes={"schedule": schedule})
    assert yaml.safe_load(texts["cronjob.yaml"])["spec"]["schedule"] == schedule
