from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.submission.fakes import FakeKubeflow, Trouble
from pipeline.submission.kubeflow import Kubeflow
from pipeline.submission.kubeflow_client import ATTEMPTS, Host
from schema.errors import PenstockError
from tests.submission.samples import SPEC, order

PAGE = "<html>Log in</html>"


def _refusal(url: str, file: Path = SPEC, experiment: str | None = None, **host: Any) -> str:
    """The one line that a person is told."""
    with pytest.raises(PenstockError) as error:
        Kubeflow(Host(url, longest_pause=0.01, **host), experiment).send(order(file))
    told = str(error.value)
    assert told.startswith(url)
    assert "\n" not in told
    return told


def _said(message: str) -> str:
    return json.dumps({"error": message, "code": 3, "message": message})


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that is taken, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_nobody_listens(free_port: int) -> None:
    """A host where nothing listens is told at once, with what to try."""
    told = _refusal(f"http://127.0.0.1:{free_port}")
    assert "cannot be reached: nothing listens there. Is --host right?" in told
    assert "kubectl port-forward" in told


def test_there_is_no_such_host() -> None:
    """A name that cannot be resolved is told as such."""
    assert "no such host" in _refusal("http://kf.invalid")


def test_plain_http_where_tls_is_expected(kubeflow: FakeKubeflow) -> None:
    """TLS with a server that speaks none is told as no safe connection, and not tried again and again."""
    url = kubeflow.url.replace("http://", "https://")
    told = _refusal(url)
    assert "no safe connection: " in told
    assert told.endswith(f"is it --host {kubeflow.url}?")


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (Trouble("/healthz", 200, PAGE, content_type="text/html"), "it answers with a page. Is that a login?"),
        (Trouble("/healthz", 302, "", location="https://dex/auth"), "it leads to https://dex/auth. Is that a login?"),
        (Trouble("/healthz", 404, "Not Found", content_type="text/plain"), "404 Not Found: Not Found. Is http"),
        (Trouble("/healthz", 404, PAGE, content_type="text/html"), "404 Not Found. Is http"),
        (Trouble("/pipelines", 401, _said("Unauthenticated")), "No token was sent. Give a fresh one with --token-file"),
        (Trouble("/pipelines", 403, _said("User 'x' is not authorized")), "User 'x' is not authorized. The account"),
        (Trouble("/experiments", 404, _said("Namespace not found")), "Are --namespace, the experiment 'trials' right?"),
        (Trouble("/runs", 409, _said("already exists")), "409 Conflict: already exists. Another has that name"),
        (Trouble("/runs", 400, _said("Invalid\ninput")), "400 Bad Request: Invalid input."),
        (Trouble("/runs", 400, "[1]"), "400 Bad Request: [1]."),
        (Trouble("/runs", 413, ""), "413 "),
    ],
)
def test_each_refusal_is_one_line(trouble: Trouble, told: str, kubeflow: FakeKubeflow) -> None:
    """What the server says and what to do about it are one line."""
    kubeflow.troubles = [trouble]
    assert told in _refusal(kubeflow.url, experiment="trials")


def test_the_old_schema_is_refused_by_the_server(kubeflow: FakeKubeflow, tmp_path: Path) -> None:
    """A spec of schema 2.0, as stock TFX writes it for Vertex, is refused with the server's own words."""
    file = tmp_path / "old.yaml"
    file.write_text(SPEC.read_text("utf-8").replace("schemaVersion: 2.1.0", "schemaVersion: 2.0.0"), encoding="utf-8")
    assert "400 Bad Request: KFP only supports schema version 2.1.0" in _refusal(kubeflow.url, file)


def test_a_clash_with_kubeflows_own_drivers_is_told(kubeflow: FakeKubeflow, tmp_path: Path) -> None:
    """A task with the name that Kubeflow gives the driver of another is refused when the run is created."""
    file = tmp_path / "clash.yaml"
    file.write_text(SPEC.read_text("utf-8").replace("      push:\n", "      make-driver:\n"), encoding="utf-8")
    assert "duplicated nodeName make-driver" in _refusal(kubeflow.url, file)


@pytest.mark.parametrize("path", ["/healthz", "/pipelines", "/versions", "/upload_version", "/experiments"])
def test_what_may_be_repeated_is(path: str, kubeflow: FakeKubeflow) -> None:
    """A 503 of what only looks, and of the upload, whose name is taken once, is tried again until it is answered."""
    kubeflow.troubles = [Trouble(path, 503, "upstream connect error", ATTEMPTS - 1, "text/plain")]
    assert Kubeflow(Host(kubeflow.url, longest_pause=0.01)).send(order()).is_new_version
    assert kubeflow.troubles[0].times == 0


def test_a_server_that_stays_down_is_told(kubeflow: FakeKubeflow) -> None:
    """After its attempts the last answer is told."""
    kubeflow.troubles = [Trouble("/versions", 502, PAGE, 99, "text/html")]
    assert "502 Bad Gateway. Asked 4 times" in _refusal(kubeflow.url)
    assert len(kubeflow.asked("GET", "/versions")) == ATTEMPTS


def test_a_run_is_never_created_twice(kubeflow: FakeKubeflow) -> None:
    """A 503 to what creates a run is not tried again: the run may be there."""
    kubeflow.troubles = [Trouble("/runs", 503, _said("unavailable"), is_done_first=True)]
    assert "503" in _refusal(kubeflow.url)
    assert len(kubeflow.runs) == 1


def test_an_upload_whose_answer_was_lost_is_found(kubeflow: FakeKubeflow) -> None:
    """Where the upload was done and its answer lost, the second is told that it is there, and that version is taken."""
    kubeflow.troubles = [Trouble("/upload_version", 502, "", is_done_first=True)]
    receipt = Kubeflow(Host(kubeflow.url, longest_pause=0.01)).send(order())
    assert receipt.version == order().pipeline.version
    assert (len(kubeflow.versions), len(kubeflow.runs)) == (1, 1)


def test_two_experiments_of_one_name_are_told(kubeflow: FakeKubeflow) -> None:
    """What kfp itself makes no sense of is its own words, behind the host."""
    kubeflow.experiments = {key: {"experiment_id": key, "display_name": "trials"} for key in ("1", "2")}
    assert "Multiple experiments is found with name trials" in _refusal(kubeflow.url, experiment="trials")


def test_a_server_that_never_answers_is_given_up(kubeflow: FakeKubeflow) -> None:
    """No answer in time is told; where something may have been made by then, so is that."""
    kubeflow.troubles = [Trouble("/runs", 0, "")]
    told = _refusal(kubeflow.url, timeout=1.5)
    assert "no answer within 1.5 s. What was asked for may have been done: see" in told
    kubeflow.troubles = [Trouble("/healthz", 0, "", ATTEMPTS)]
    assert _refusal(kubeflow.url, timeout=0.1).endswith("no answer within 0.1 s.")
