from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from google.auth import jwt

from pipeline.steps import State
from pipeline.submission.compiled import VERTEX
from pipeline.submission.connecting import connect, settings_of
from pipeline.submission.orders import Receipt, Schedule, Standing
from pipeline.submission.vertex import Place, Vertex
from pipeline.submission.vertex_fakes import FakeStorage, FakeVertex, Tasks, VertexStage
from schema.errors import PenstockError, UsageError
from tests.submission.google_cloud import ACCOUNT, account_key, certificate_of_localhost
from tests.submission.samples import JOB, order

ROOT = "gs://a-bucket/root"
CONSOLE = "https://console.cloud.google.com/vertex-ai/locations/europe-west4/pipelines"


class Google(NamedTuple):
    """Servers in the place of Google's, and an account that they know."""

    vertex: FakeVertex
    storage: FakeStorage
    key_file: Path
    public_key: bytes

    def target(self, **changes: Any) -> Vertex:
        """The real SDK, led to the servers."""
        place: dict[str, Any] = {"project": "a-project", "region": "europe-west4", "credentials_file": self.key_file}
        return Vertex(Place(**(place | {"endpoint": self.vertex.endpoint} | changes)))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Google]:
    """The servers; gRPC reads the certificates that it trusts once, at its first safe channel."""
    folder = tmp_path_factory.mktemp("google")
    certificate, key = certificate_of_localhost()
    (folder / "roots.pem").write_bytes(certificate)
    with FakeStorage() as storage, FakeVertex(certificate, key) as vertex, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(folder / "roots.pem"))
        patch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        patch.setenv("NO_GCE_CHECK", "true")
        public = account_key(folder / "key.json", f"{storage.url}/token")
        yield Google(vertex, storage, folder / "key.json", public)


@pytest.fixture
def google(servers: Google) -> Google:
    """The servers, without what a test before had them remember."""
    fake = servers.vertex
    fake.jobs.clear()
    fake.requests.clear()
    fake.metadata.clear()
    fake.trouble, fake.stages = None, [VertexStage("SUCCEEDED")]
    return servers


def _standings(google: Google, *stages: VertexStage) -> list[Standing]:
    google.vertex.stages = list(stages)
    target = google.target()
    receipt = target.send(order(JOB, root=ROOT))
    return [target.standing(receipt) for _ in stages]


def test_a_run_is_created(google: Google) -> None:
    """The run has the name, the parameters, the root, the labels and the account that were asked for, and a page."""
    parameters = {"destination": "/models", "rows": 4, "layers": [8, 4], "verbose": True}
    receipt = google.target(service_account=ACCOUNT, network="projects/1/global/networks/n").send(
        order(JOB, root=ROOT, parameters=parameters)
    )
    (request,) = google.vertex.requests
    job = request.pipeline_job
    assert request.parent == "projects/a-project/locations/europe-west4"
    assert receipt == Receipt(request.pipeline_job_id, f"{CONSOLE}/runs/{request.pipeline_job_id}?project=a-project")
    assert (job.display_name, job.service_account, job.network) == ("a run", ACCOUNT, "projects/1/global/networks/n")
    assert dict(job.labels) == {"team": "water"}
    assert job.runtime_config.gcs_output_directory == ROOT
    assert {name: _plain(value) for name, value in job.runtime_config.parameter_values.items()} == parameters
    assert job.pipeline_spec["pipelineInfo"]["name"] == "tiny"


def _plain(value: Any) -> Any:
    return list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else value


def test_the_account_signs(google: Google) -> None:
    """The request bears a token that the key of the credentials file signed."""
    google.target().send(order(JOB, root=ROOT))
    token = google.vertex.metadata[0]["authorization"].removeprefix("Bearer ")
    assert jwt.decode(token, certs=google.public_key, audience=None)["iss"] == ACCOUNT


def test_no_cache_reaches_each_task(google: Google) -> None:
    """Without the cache each task says so; else it is as compiled."""
    for no_cache in (False, True):
        google.target().send(order(JOB, root=ROOT, no_cache=no_cache, run_name=f"run {no_cache}"))
        tasks = google.vertex.requests[-1].pipeline_job.pipeline_spec["root"]["dag"]["tasks"]
        assert {task["cachingOptions"]["enableCache"] for task in tasks.values()} == {not no_cache}
        google.vertex.jobs.clear()


def test_a_schedule_is_created(google: Google) -> None:
    """A cron expression makes a schedule, with its zone, its concurrency and the run that it starts, and no run."""
    receipt = google.target(service_account=ACCOUNT).send(
        order(JOB, root=ROOT, schedule=Schedule(cron="TZ=Europe/Berlin 0 3 * * *", max_concurrency=2))
    )
    (request,) = google.vertex.requests
    made, started = request.schedule, request.schedule.create_pipeline_job_request.pipeline_job
    assert receipt == Receipt("77", f"{CONSOLE}/schedules/77?project=a-project")
    assert (made.cron, made.max_concurrent_run_count) == ("TZ=Europe/Berlin 0 3 * * *", 2)
    assert (started.service_account, started.runtime_config.gcs_output_directory) == (ACCOUNT, ROOT)
    assert google.vertex.jobs == {}


def test_a_run_is_told_as_its_steps(google: Google) -> None:
    """Each step has its state, its seconds and its error; a cache hit is cached, a false condition is said."""
    tasks: Tasks = {"make": "SKIPPED", "train": ("FAILED", "exit\ncode 137"), "push": "NOT_TRIGGERED"}
    pending, running, failed, without_steps = _standings(
        google,
        VertexStage("PENDING"),
        VertexStage("RUNNING", {"make": "RUNNING", "train": "PENDING"}),
        VertexStage("FAILED", tasks, "the DAG failed"),
        VertexStage("FAILED", {}, "no quota"),
    )
    assert [status.state for status in pending.statuses] == [State.WAITING] * 3
    assert [status.state for status in running.statuses] == [State.RUNNING, State.WAITING, State.WAITING]
    assert [status.state for status in failed.statuses] == [State.CACHED, State.FAILED, State.DONE]
    assert (failed.statuses[1].seconds, failed.statuses[2].note) == (12.0, "not run: its condition is false")
    assert (running.is_finished, failed.is_finished) == (False, True)
    assert [one.failure for one in (running, failed, without_steps)] == ["", "train failed: exit code 137", "no quota"]


def test_an_end_is_told(google: Google) -> None:
    """A run that succeeded has no failure; one that was cancelled says so."""
    ended = _standings(google, VertexStage("SUCCEEDED"), VertexStage("CANCELLED"))
    assert [(one.is_finished, one.failure) for one in ended] == [(True, ""), (True, "The run is cancelled.")]


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        (
            grpc.StatusCode.PERMISSION_DENIED,
            "Permission denied on 'a-project'",
            "Permission denied on 'a-project'. Are",
        ),
        (grpc.StatusCode.UNAUTHENTICATED, "invalid credentials", "Log in with gcloud auth application-default login"),
        (grpc.StatusCode.NOT_FOUND, "no such location", "no such location. Are --project and --region right"),
        (grpc.StatusCode.INVALID_ARGUMENT, "bad\nspec", "bad spec. Vertex AI refuses the pipeline"),
        (grpc.StatusCode.ALREADY_EXISTS, "taken", "A run with that id is there already"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota", "That is a quota"),
        (grpc.StatusCode.UNAVAILABLE, "down", "down. Try later"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "slow", "It may have been done: see the console"),
        (grpc.StatusCode.INTERNAL, "broken", "broken. Try later"),
    ],
)
def test_each_refusal_is_one_line(code: grpc.StatusCode, said: str, told: str, google: Google) -> None:
    """What Google says and what to do about it are one line, with the project and the region."""
    google.vertex.trouble = (code, said)
    with pytest.raises(PenstockError) as error:
        google.target().send(order(JOB, root=ROOT))
    assert str(error.value).startswith("Vertex AI in a-project, europe-west4: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_without_credentials_nothing_is_asked(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no login and no key, what to do is told before Google is asked anything."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", os.defpath)
    with pytest.raises(UsageError, match=r"There are no credentials of Google Cloud\. Log in with gcloud auth"):
        google.target(credentials_file=None).send(order(JOB, root=ROOT))
    assert google.vertex.requests == []


@pytest.mark.parametrize("content", ["", "{}", '{"type": "service_account"}', "no JSON"])
def test_a_key_that_is_none_is_told(content: str, google: Google, tmp_path: Path) -> None:
    """A credentials file without credentials is told by its name."""
    file = tmp_path / "key.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=f"{file}: no credentials of Google Cloud"):
        google.target(credentials_file=file).send(order(JOB, root=ROOT))


def test_what_the_sdk_refuses_is_told(google: Google) -> None:
    """A region that is none is the SDK's own refusal, in one line."""
    with pytest.raises(UsageError, match="Vertex AI's SDK refuses: Unsupported region"):
        google.target(region="mars-1", endpoint=None).send(order(JOB, root=ROOT))


def test_vertex_is_connected_to_by_its_options() -> None:
    """The options of Vertex AI make its target; nothing is asked by that."""
    names = ("project", "region", "network", "credentials_file", "api_endpoint", "service_account")
    given = dict.fromkeys(names) | {"project": "a-project", "region": "europe-west4"}
    assert isinstance(connect(VERTEX, settings_of(VERTEX, given)), Vertex)
