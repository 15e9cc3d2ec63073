from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.chatter import Screen
from pipeline.cli import cli
from pipeline.submission.fakes import FakeKubeflow, Stage, Tasks
from schema.errors import UsageError
from tests.submission.samples import JOB, SPEC

PENSTOCK = str(Path(sys.executable).with_name("penstock"))
HOST = ("--host", "http://localhost:8080")
GOOGLE = ("--project", "a-project", "--region", "europe-west4")
PLACE_VARIABLES = ("KUBERNETES_SERVICE_HOST", "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_UI_ENDPOINT")
TO = ("-p", "destination=/models")
SOON = ("--wait", "--poll", "0.05")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of a cluster is of no account here."""
    for name in PLACE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def _submit(*words: str | Path) -> str:
    """What the command prints, run in this process: for what sends nothing."""
    screen = Screen()
    screen.out = io.StringIO()
    cli.main(args=["submit", *map(str, words)], standalone_mode=False, obj=screen)
    return screen.out.getvalue()


def _started(*words: str | Path, **variables: str) -> subprocess.Popen[str]:
    """The console script, as a person starts it."""
    environment = os.environ | {"HOME": os.devnull} | variables
    pipe = subprocess.PIPE
    return subprocess.Popen([PENSTOCK, "submit", *words], stdout=pipe, stderr=pipe, text=True, env=environment)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none.yaml",), "none.yaml: No such file"),
        (
            (SPEC, "--target", "vertex"),
            "a pipeline spec of Kubeflow Pipelines, and --target is vertex. Compile it for that",
        ),
        ((JOB, "--target", "kubeflow"), "a PipelineJob of Vertex AI, and --target is kubeflow"),
        ((JOB, *HOST), "--host: an option of kubeflow"),
        ((SPEC, *HOST, *GOOGLE), "--project, --region: an option of vertex"),
        ((SPEC, *TO), "Kubeflow Pipelines is where? Give --host URL"),
        ((SPEC, *TO, "--host", "ftp://x"), "--host 'ftp://x' is no address"),
        ((SPEC, *TO, "--host", "http://"), "--host 'http://' is no address"),
        ((SPEC, *TO, "--host", "http://h/#/runs"), "is no address. Legal is such as"),
        ((SPEC, *TO, *HOST, "--token-file", "none"), "--token-file none: No such file"),
        ((SPEC, *TO, *HOST, "--token-file", SPEC), "it must hold a token and nothing else"),
        ((SPEC, *TO, *HOST, "--token-file", os.devnull), "it holds 0 words"),
        ((SPEC, *TO, *HOST, "--ca-file", "none"), "--ca-file none: No such file"),
        ((SPEC, *HOST), "no default for destination"),
        ((SPEC, *HOST, "-p", "destinatoin=x"), "Did you mean 'destination'?"),
        ((SPEC, *TO, *HOST, "--cron", "0 3 * * *", "--every", "1h"), "--cron and --every: give one of them"),
        ((SPEC, *TO, *HOST, "--cron", "0 3 * * *", "--wait"), "--wait follows one run"),
        ((SPEC, *TO, *HOST, "--cron", "TZ=UTC 0 3 * * *"), "Kubeflow takes no time zone"),
        ((SPEC, *TO, *HOST, "--every", "0h"), "--every '0h' is no duration"),
        ((SPEC, *TO, *HOST, "--no-catchup"), "--no-catchup needs --cron or --every"),
        ((SPEC, *TO, *HOST, "--max-concurrency", "2"), "--max-concurrency needs --cron or --every"),
        ((SPEC, *TO, *HOST, "--timeout", "1h"), "--timeout needs --wait"),
        ((SPEC, *TO, *HOST, "--wait", "--timeout", "soon"), "--timeout 'soon' is no duration"),
        ((JOB, *TO), "Vertex AI needs --project and --region"),
        ((JOB, *TO, *GOOGLE, "--every", "1h"), "--every: an option of kubeflow"),
        ((JOB, *TO, *GOOGLE, "--root", "s3://b"), "Say where: --root gs://BUCKET/FOLDER"),
        ((JOB, *TO, *GOOGLE, "--credentials-file", "none"), "--credentials-file none: No such file"),
    ],
)
def test_wrong_options_are_told(words: tuple[str | Path, ...], told: str) -> None:
    """What does not fit is told in one line, before anything is sent or an SDK is imported."""
    with pytest.raises(UsageError) as error:
        _submit(*words)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_dry_run_says_what_would_be_sent() -> None:
    """For a person a line for each thing that is there, for a script all of it as JSON."""
    lines = _submit(SPEC, *TO, *HOST, "--every", "1h", "--dry-run").splitlines()
    told = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    assert (told["steps"], told["url"], told["cache"]) == ("make → train → push", HOST[1], "as compiled")
    assert "root" not in told
    answer = json.loads(_submit(JOB, *TO, *GOOGLE, "--name", "nightly", "--no-cache", "--dry-run", "--json"))
    assert (answer["name"], answer["root"], answer["cache"]) == ("nightly", "gs://a-bucket/root", "off")
    assert (answer["parameters"], answer["region"]) == ({"destination": "/models"}, "europe-west4")
    assert answer["version"].startswith("tiny-")


def test_an_address_without_a_scheme_is_https() -> None:
    """As kfp has it, an address with no scheme is https."""
    assert "https://kf.example.com/pipeline\n" in _submit(SPEC, *TO, "--host", "kf.example.com/pipeline/", "--dry-run")


def test_in_a_pod_the_cluster_is_found(monkeypatch: pytest.MonkeyPatch, token_file: Path) -> None:
    """In a pod the host is that of its own cluster, and the token the one that Kubernetes gives the pod."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token_file))
    answer = json.loads(_submit(SPEC, *TO, "--dry-run", "--json"))
    assert answer["url"] == "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
    assert answer["token_file"] == str(token_file)


def test_a_run_is_followed_to_its_end(token_file: Path) -> None:
    """With --wait the steps are shown as those of a local run are, and exit code 0 is a run that succeeded."""
    done = {"make": "SKIPPED", "train": "SUCCEEDED", "push": "SUCCEEDED"}
    stages = [Stage("PENDING"), Stage("RUNNING", {"make": "RUNNING"}), Stage("SUCCEEDED", done)]
    with FakeKubeflow("t0ken", stages) as fake:
        variables = {"KF_PIPELINES_ENDPOINT": fake.url}
        process = _started(SPEC, *TO, *SOON, "--token-file", token_file, "--name", "nightly", **variables)
        out, err = process.communicate()
        ((run_id, run),) = fake.runs.items()
        (version,) = fake.versions.values()
    assert (process.returncode, err) == (0, "")
    assert run["display_name"] == "nightly"
    assert out.splitlines() == [
        f"pipeline  {version['display_name']}, uploaded",
        f"run       {run_id}, nightly",
        f"page      {fake.url}/#/runs/details/{run_id}",
        "make: running",
        "make: cached 12.0 s",
        "train: done 12.0 s",
        "push: done 12.0 s",
    ]


def test_a_run_that_fails_is_exit_code_1() -> None:
    """The step that failed, its error and the page are one line; with --json standard output is one object."""
    tasks: Tasks = {"make": "SUCCEEDED", "train": ("FAILED", "exit code 137"), "push": "PENDING"}
    with FakeKubeflow(stages=[Stage("FAILED", tasks)]) as fake:
        process = _started(SPEC, *TO, *SOON, "--host", fake.url, "--json")
        out, err = process.communicate()
    answer = json.loads(out)
    assert process.returncode == 1
    assert err.splitlines()[-1] == f"penstock: train failed: exit code 137. Its log: {answer['page']}"
    assert (answer["state"], answer["error"]) == ("FAILED", "train failed: exit code 137")
    assert {step["name"]: step["state"] for step in answer["steps"]} == {
        "make": "done",
        "train": "failed",
        "push": "waiting",
    }


def test_ctrl_c_leaves_the_run() -> None:
    """Ctrl-C ends the command, not the run: its page is told, and a script still gets the run's id."""
    with FakeKubeflow(stages=[Stage("RUNNING", {"make": "RUNNING"})]) as fake:
        process = _started(SPEC, *TO, *SOON, "--host", fake.url, "--json")
        assert process.stderr is not None
        assert process.stderr.readline() == "make: running\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        (run_id,) = fake.runs
    assert process.returncode == 1
    assert err == f"penstock: No longer followed. The run goes on: {fake.url}/#/runs/details/{run_id}\n"
    assert json.loads(out)["run_id"] == run_id


def test_no_sdk_is_imported_for_a_dry_run() -> None:
    """What is checked here is checked without kfp or Google's SDK, whose imports take seconds."""
    words = ["submit", str(SPEC), *TO, *HOST, "--dry-run"]
    code = f"import sys; from pipeline.cli import main; sys.argv[1:] = {words!r}; main(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"kfp", "kfp_server_api", "google.cloud.aiplatform", "rich.table"} & set(done.stdout.split()) == set()


def test_the_files_own_root_goes_with_a_run(tmp_path: Path) -> None:
    """Kubeflow's server does not read it in the file; --root goes before it."""
    rooted = tmp_path / "rooted.yaml"
    rooted.write_text(SPEC.read_text("utf-8") + "\ndefaultPipelineRoot: s3://bucket/here\n", encoding="utf-8")
    assert "s3://bucket/here" in _submit(rooted, *HOST, *TO, "--dry-run")
    assert "s3://bucket/other" in _submit(rooted, *HOST, *TO, "--root", "s3://bucket/other", "--dry-run")
    assert "s3://" not in _submit(SPEC, *HOST, *TO, "--dry-run")
