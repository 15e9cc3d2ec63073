from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.steps import State
from pipeline.submission.fakes import FakeKubeflow, Request, Stage, Tasks
from pipeline.submission.kubeflow import Kubeflow
from pipeline.submission.kubeflow_client import Host
from pipeline.submission.orders import Schedule
from schema.errors import PenstockError, UsageError
from tests.submission.samples import SPEC, order

NAME = order().pipeline.version


def _target(fake: FakeKubeflow, experiment: str | None = None, **host: Any) -> Kubeflow:
    return Kubeflow(Host(fake.url, longest_pause=0.01, **host), experiment, "runner")


def test_a_pipeline_is_uploaded_and_run(kubeflow: FakeKubeflow, capsys: pytest.CaptureFixture[str]) -> None:
    """The file goes up as it is, as a version named after its content; the run has parameters, root and account."""
    receipt = _target(kubeflow, "trials").send(order(root="s3://bucket/root"))
    (version,) = kubeflow.versions.values()
    (upload,) = kubeflow.asked("POST", "/upload_version")
    ((run_id, run),) = kubeflow.runs.items()
    (experiment,) = kubeflow.experiments.values()
    assert upload.body == SPEC.read_text("utf-8")
    assert (version["display_name"], receipt.version, receipt.is_new_version) == (NAME, NAME, True)
    assert (receipt.id, receipt.page) == (run_id, f"{kubeflow.url}/#/runs/details/{run_id}")
    assert run["runtime_config"] == {"parameters": {"destination": "/models"}, "pipeline_root": "s3://bucket/root"}
    assert run["pipeline_version_reference"]["pipeline_version_id"] == version["pipeline_version_id"]
    assert (run["display_name"], run["service_account"]) == ("a run", "runner")
    assert (experiment["display_name"], run["experiment_id"]) == ("trials", experiment["experiment_id"])
    assert capsys.readouterr().out == ""


def test_the_same_content_is_uploaded_once(kubeflow: FakeKubeflow) -> None:
    """A second run of the same file takes the version, the pipeline and the experiment that are there."""
    first, second = (_target(kubeflow).send(order()) for _ in range(2))
    assert (first.is_new_version, second.is_new_version) == (True, False)
    assert [len(things) for things in (kubeflow.pipelines, kubeflow.versions, kubeflow.experiments)] == [1, 1, 1]
    assert len(kubeflow.runs) == 2


def test_changed_content_is_a_new_version(kubeflow: FakeKubeflow, tmp_path: Path) -> None:
    """Another content is another version of the same pipeline; so is the same content without its cache."""
    changed = tmp_path / "changed.txt"
    changed.write_text(SPEC.read_text("utf-8").replace("busybox", "alpine"), encoding="utf-8")
    for one in (order(), order(changed), order(no_cache=True)):
        _target(kubeflow).send(one)
    assert len(kubeflow.pipelines) == 1
    assert len(kubeflow.versions) == len({version["display_name"] for version in kubeflow.versions.values()}) == 3
    *_, uncached = kubeflow.asked("POST", "/upload_version")
    tasks = yaml.safe_load(uncached.body)["root"]["dag"]["tasks"].values()
    assert [task["cachingOptions"] for task in tasks] == [{"enableCache": False}] * 3


@pytest.mark.parametrize(
    ("schedule", "trigger"),
    [
        (Schedule(cron="0 3 * * *"), {"cron_schedule": {"cron": "0 0 3 * * *"}}),
        (Schedule(every=3600, max_concurrency=2, catches_up=False), {"periodic_schedule": {"interval_second": 3600}}),
    ],
)
def test_a_recurring_run_is_made(schedule: Schedule, trigger: dict[str, Any], kubeflow: FakeKubeflow) -> None:
    """A schedule makes a recurring run, enabled, with its trigger, and no run."""
    receipt = _target(kubeflow).send(order(schedule=schedule))
    ((identity, recurring),) = kubeflow.recurring_runs.items()
    assert receipt.page == f"{kubeflow.url}/#/recurringrun/details/{identity}"
    assert (recurring["trigger"], recurring["mode"]) == (trigger, "ENABLE")
    assert (recurring["max_concurrency"], recurring["no_catchup"]) == (
        schedule.max_concurrency,
        not schedule.catches_up,
    )
    assert kubeflow.runs == {}


def test_the_token_is_read_for_each_request(token_file: Path) -> None:
    """Every request bears the token; one that is renewed in its file, as Kubernetes does, is the next request's."""
    with FakeKubeflow("t0ken") as fake:
        target = _target(fake, token_file=token_file)
        receipt = target.send(order())
        fake.token = "renewed"
        with pytest.raises(PenstockError, match=f"401.*The token of {token_file} is not accepted"):
            target.standing(receipt)
        token_file.write_text("renewed", encoding="utf-8")
        assert target.standing(receipt).is_finished


def test_a_namespace_goes_along(kubeflow: FakeKubeflow) -> None:
    """In a cluster of many users, the pipeline and the experiment are those of the namespace."""
    _target(kubeflow, namespace="team").send(order())
    (pipeline,), (experiment,) = kubeflow.pipelines.values(), kubeflow.experiments.values()
    assert (pipeline["namespace"], experiment["namespace"]) == ("team", "team")
    assert [request.query["namespace"] for request in kubeflow.asked("GET", "/pipelines")] == ["team"]


def test_the_pages_may_be_elsewhere(kubeflow: FakeKubeflow) -> None:
    """Where the API has another address than its pages, the run's page is with those."""
    receipt = _target(kubeflow, ui_url="https://kf.example.com/pipeline/").send(order())
    assert receipt.page == f"https://kf.example.com/pipeline/#/runs/details/{receipt.id}"


def test_a_run_is_told_as_its_steps(kubeflow: FakeKubeflow) -> None:
    """Each step of the spec has its state, its seconds and its error; Kubeflow's own drivers are no steps."""
    tasks: Tasks = {
        "root": "RUNNING",
        "make-driver": "SUCCEEDED",
        "make": "SKIPPED",
        "train": ("FAILED", "OOM\nKilled"),
    }
    kubeflow.stages = [
        Stage("PENDING"),
        Stage("RUNNING", tasks),
        Stage("FAILED", tasks),
        Stage("FAILED", error="no image"),
    ]
    target = _target(kubeflow)
    receipt = target.send(order())
    pending, running, failed, without_steps = (target.standing(receipt) for _ in range(4))
    states = [(status.name, status.state) for status in running.statuses]
    assert [status.state for status in pending.statuses] == [State.WAITING] * 3
    assert states == [("make", State.CACHED), ("train", State.FAILED), ("push", State.WAITING)]
    assert (running.statuses[1].seconds, running.is_finished, running.failure) == (12.0, False, "")
    assert (failed.is_finished, failed.failure) == (True, "train failed: OOM Killed")
    assert without_steps.failure == "no image"


@pytest.mark.parametrize("state", ["SUCCEEDED", "CANCELED"])
def test_an_end_is_told(state: str, kubeflow: FakeKubeflow) -> None:
    """A run that succeeded has no failure; one that was cancelled says so."""
    kubeflow.stages = [Stage(state)]
    target = _target(kubeflow)
    standing = target.standing(target.send(order()))
    assert standing.is_finished
    assert standing.failure == ("" if state == "SUCCEEDED" else "The run is canceled.")


def test_a_spec_that_is_none_is_not_sent(kubeflow: FakeKubeflow, tmp_path: Path) -> None:
    """A misspelt key is found by the parser that kfp itself uses, before the server is asked anything."""
    file = tmp_path / "misspelt.yaml"
    file.write_text(SPEC.read_text("utf-8").replace("componentRef", "componentReff"), encoding="utf-8")
    with pytest.raises(UsageError, match=r'no PipelineSpec of Kubeflow Pipelines: .*"componentReff"'):
        _target(kubeflow).send(order(file))
    assert kubeflow.requests == []


class LateLook(FakeKubeflow):
    """Does not see yet, the first time that it is asked for each, what another has made."""

    unseen: tuple[str, ...] = ("/pipelines", "/versions")

    def answer(self, request: Request) -> dict[str, Any]:
        """Answers as its base, but for the first look."""
        path = next((path for path in self.unseen if request.method == "GET" and request.path.endswith(path)), None)
        if path is None:
            return super().answer(request)
        self.unseen = tuple(other for other in self.unseen if other != path)
        return {}


def test_two_that_submit_at_once_share_the_version() -> None:
    """Where another has made the pipeline and the version between the look and the upload, they are taken."""
    with LateLook() as fake:
        fake.unseen = ()
        _target(fake).send(order())
        fake.unseen = LateLook.unseen
        receipt = _target(fake).send(order())
    assert (receipt.version, receipt.is_new_version) == (NAME, False)
    assert (len(fake.pipelines), len(fake.versions), len(fake.runs)) == (1, 1, 2)


def test_an_order_is_not_changed_by_being_sent(kubeflow: FakeKubeflow) -> None:
    """Sending leaves the order as it was, so that it can be sent again."""
    given = order(no_cache=True)
    before = dataclasses.asdict(given)
    _target(kubeflow).send(given)
    assert dataclasses.asdict(given) == before
