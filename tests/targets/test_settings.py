from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.targets.settings import Secret, StepSettings, Vertex, Volume, seconds_of


@pytest.mark.parametrize("cpu", ["1", "16", "0.5", "1.5", "500m", 4, 0.5])
def test_cores_are_as_kubernetes_counts_them(cpu: str | float) -> None:
    """Whole cores, parts of one, and thousandths are legal, with quotes and without."""
    assert StepSettings.model_validate({"cpu": cpu}).cpu == str(cpu)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cpu": "0"},
        {"cpu": 0},
        {"cpu": True},
        {"cpu": -1},
        {"cpu": "two"},
        {"cpu": "0.0"},
        {"memory": "8"},
        {"memory": "8GB"},
        {"memory": "-1Gi"},
        {"retries": -1},
        {"timeout": "2 hours"},
        {"timeout": "0s"},
        {"spot": "cheap"},
        {"labels": {"team": "a b"}},
        {"accelerator": {"type": "nvidia.com/gpu", "count": 0}},
        {"volumes": [{"claim": "data", "path": "data"}]},
        {"volumes": [{"claim": "data", "path": "/"}]},
        {"secrets": [{"name": "minio"}]},
        {"gpus": 1},
    ],
)
def test_what_no_cluster_takes_is_refused(wrong: dict[str, Any]) -> None:
    """Quantities, paths and names that Kubernetes would refuse are refused before anything is compiled."""
    with pytest.raises(ValidationError):
        StepSettings.model_validate(wrong)


@pytest.mark.parametrize("wrong", [{"root": "s3://bucket"}, {"workdir": "/data"}])
def test_vertex_keeps_everything_in_google_cloud_storage(wrong: dict[str, str]) -> None:
    """Another store is refused."""
    with pytest.raises(ValidationError, match="Vertex"):
        Vertex.model_validate(wrong)


def test_vertex_keeps_models_beside_the_artifacts() -> None:
    """Unless it is told another folder, at the place where it mounts the bucket."""
    assert Vertex(root="gs://bucket/penstock").place == "/gcs/bucket/penstock"
    assert Vertex(root="gs://bucket/penstock", workdir="/gcs/models/here").place == "/gcs/models/here"


def test_lists_are_replaced_whole() -> None:
    """A step that names volumes has these alone."""
    below = StepSettings(volumes=(Volume(claim="a", path="/a"),), secrets=(Secret(name="s", path="/s"),))
    assert StepSettings(volumes=(Volume(claim="b", path="/b"),)).over(below) == StepSettings(
        volumes=(Volume(claim="b", path="/b"),), secrets=(Secret(name="s", path="/s"),)
    )


@pytest.mark.parametrize(("duration", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400)])
def test_durations_are_seconds(duration: str, seconds: int) -> None:
    """Seconds, minutes, hours and days."""
    assert seconds_of(duration) == seconds
