from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config
from pipeline.targets.refusals import RULES, check
from schema.errors import UsageError

ON_A_VOLUME = {"default": {"volumes": [{"claim": "penstock", "path": "/data"}]}}
KUBEFLOW = {"image": "an/image:1", "steps": ON_A_VOLUME}
VERTEX = {"image": "an/image:1", "vertex": {"root": "gs://bucket/penstock"}}


def config(**sections: Any) -> Config:
    """A small configuration of data that every target reaches."""
    plain: dict[str, Any] = {
        "name": "small",
        "problem": "regression",
        "label": "y",
        "data": {"path": "gs://bucket/rows.csv"},
        "features": [{"column": "x", "role": "numeric"}],
    }
    return Config.model_validate(plain | sections)


def refusal(target: str, **sections: Any) -> str:
    """What is said of a configuration that a target cannot run."""
    with pytest.raises(UsageError) as raised:
        check(config(**sections), target)
    return str(raised.value)


def test_what_a_target_can_run_is_not_refused() -> None:
    """A configuration with all that each target needs passes."""
    check(config(**KUBEFLOW), "kubeflow")
    check(config(**VERTEX), "vertex")
    check(config(), "local")
    flink = {"name": "flink", "flink": {"job_endpoint": "flink:8099", "environment": "DOCKER"}}
    check(config(**KUBEFLOW, runner=flink), "kubeflow")
    check(config(**VERTEX, runner={"name": "dataflow"}), "vertex")


CASES: dict[str, list[tuple[str, dict[str, Any], str]]] = {
    "image_is_given": [
        ("kubeflow", KUBEFLOW | {"image": None}, "'image' is missing"),
        ("vertex", VERTEX | {"image": None}, "'image' is missing"),
    ],
    "root_is_given": [("vertex", {"image": "an/image:1"}, "'vertex.root' is missing")],
    "workdir_is_on_a_volume": [
        ("kubeflow", {"image": "an/image:1"}, "on no volume of 'steps.default'"),
        (
            "kubeflow",
            KUBEFLOW | {"steps": ON_A_VOLUME | {"Pusher": {"volumes": [{"claim": "b", "path": "/datas"}]}}},
            "on no volume of 'steps.Pusher'",
        ),
    ],
    "volumes_have_legal_names": [
        (
            "kubeflow",
            KUBEFLOW | {"steps": ON_A_VOLUME | {"Trainer": {"secrets": [{"name": "penstock", "path": "/keys"}]}}},
            "'steps.Trainer' mounts a claim and a Secret that are both named 'penstock'",
        ),
        (
            "kubeflow",
            KUBEFLOW | {"steps": ON_A_VOLUME | {"Trainer": {"secrets": [{"name": "my.keys", "path": "/keys"}]}}},
            "'steps.Trainer' mounts 'my.keys'",
        ),
    ],
    "files_are_on_a_volume": [
        ("kubeflow", KUBEFLOW | {"data": {"path": "/home/me/rows.csv"}}, "'data.path' is '/home/me/rows.csv'"),
        (
            "kubeflow",
            KUBEFLOW | {"data": {"source": "sql", "connection": "sqlite:////home/me/rows.db", "query": "SELECT 1"}},
            "'data.connection' is '/home/me/rows.db'",
        ),
    ],
    "files_are_in_the_cloud": [
        ("vertex", VERTEX | {"data": {"path": "/data/rows.csv"}}, "'data.path' is '/data/rows.csv'"),
    ],
    "gpus_are_resources": [
        (
            "kubeflow",
            KUBEFLOW | {"steps": ON_A_VOLUME | {"Trainer": {"accelerator": {"type": "NVIDIA_TESLA_T4"}}}},
            "such as nvidia.com/gpu",
        ),
    ],
    "gpus_are_googles": [
        (
            "vertex",
            VERTEX | {"steps": {"Trainer": {"accelerator": {"type": "nvidia.com/gpu"}}}},
            "such as NVIDIA_TESLA_T4",
        ),
    ],
    "settings_are_vertexes": [
        ("vertex", VERTEX | {"steps": {"Trainer": {key: value}}}, f"'steps.Trainer.{key}' is for Kubernetes")
        for key, value in {
            "timeout": "2h",
            "labels": {"a": "b"},
            "node_selector": {"a": "b"},
            "tolerations": [{"key": "a"}],
            "spot": "gke",
            "volumes": [{"claim": "a", "path": "/a"}],
            "secrets": [{"name": "a", "path": "/a"}],
        }.items()
    ],
    "lineage_is_the_platforms": [
        (
            target,
            base | {"metadata": {"backend": "postgresql", "host": "db", "database": "m", "user": "u"}},
            "'metadata.backend' is 'postgresql'",
        )
        for target, base in (("kubeflow", KUBEFLOW), ("vertex", VERTEX))
    ],
    "job_server_is_elsewhere": [
        (target, base | {"runner": {"name": runner}}, f"'runner.{runner}.job_endpoint' is missing")
        for target, base, runner in (("kubeflow", KUBEFLOW, "flink"), ("vertex", VERTEX, "spark"))
    ],
    "dataflow_reaches_artifacts": [
        ("kubeflow", KUBEFLOW | {"runner": {"name": "dataflow"}}, "'kubeflow.root' is None"),
        (
            "kubeflow",
            KUBEFLOW | {"runner": {"name": "dataflow"}, "kubeflow": {"root": "minio://bucket/penstock"}},
            "'kubeflow.root' is 'minio://bucket/penstock'",
        ),
    ],
    "dataflow_reaches_files": [
        (
            "vertex",
            VERTEX | {"runner": {"name": "dataflow"}, "data": {"path": "/gcs/bucket/rows.csv"}},
            "'data.path' is '/gcs/bucket/rows.csv', which no worker of Dataflow's has",
        ),
    ],
    "no_folder_is_dataflows": [
        (target, {"runner": {"name": "dataflow"}}, "artifacts at gs:// alone") for target in ("airflow", "kubernetes")
    ],
}


@pytest.mark.parametrize(
    ("target", "sections", "said"),
    [case for cases in CASES.values() for case in cases],
    ids=[f"{rule}-{number}" for rule, cases in CASES.items() for number in range(len(cases))],
)
def test_what_a_target_cannot_run_is_refused(target: str, sections: dict[str, Any], said: str) -> None:
    """The message begins with the pipeline and the target, and names the key."""
    message = refusal(target, **sections)
    assert message.startswith(f"small cannot run on {target}:\n")
    assert said in message


def test_every_rule_has_a_test() -> None:
    """A rule that is added is tried here too."""
    assert {rule.__name__ for rules in RULES.values() for rule in rules} == set(CASES)


def test_all_reasons_are_told_at_once() -> None:
    """Whoever mends one does not meet the next in the next try."""
    message = refusal("kubeflow", data={"path": "/home/me/rows.csv"})
    assert len(message.splitlines()) == 4


def test_files_of_a_volume_pass(tmp_path: Path) -> None:
    """A path under a claim's folder is one that the step sees."""
    check(config(**KUBEFLOW | {"data": {"path": "/data/rows.csv"}}), "kubeflow")
    with pytest.raises(UsageError, match="a file of this machine"):
        check(config(**KUBEFLOW | {"data": {"path": str(tmp_path)}}), "kubeflow")
