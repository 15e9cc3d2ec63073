"""A server that speaks what a submission needs of Kubeflow Pipelines' REST API v2beta1, and is as strict as that.

Paths and messages are those of its swagger: https://www.kubeflow.org/docs/components/pipelines/reference/api.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import yaml

PREFIX = "/apis/v2beta1"
BEGAN, ENDED = "2026-01-01T00:00:00Z", "2026-01-01T00:00:12Z"
MODES = ("ENABLE", "DISABLE")
EQUALS = ("EQUALS", 1)  # the enum of filter.proto, of which kfp sends the number
OWN_DRIVER = "-driver"  # behind a task's name: the node beside it that backend/src/v2/compiler/argocompiler/dag.go adds
Json = dict[str, Any]
Tasks = Mapping[str, str | tuple[str, str]]  # the state, or (FAILED, the error)


@dataclass(frozen=True)
class Request:
    """What was asked: `body` is the JSON, or the text of the file that was uploaded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Stage:
    """How a run stands for one look: its state, and of each task the state or (state, error)."""

    state: str
    tasks: Tasks = field(default_factory=dict)
    error: str = ""


@dataclass
class Trouble:
    """What a request whose path ends with `path` gets instead of its answer, so many times."""

    path: str
    status: int
    body: str
    times: int = 1
    content_type: str = "application/json"
    location: str | None = None
    is_done_first: bool = False  # the request is carried out, and its answer lost


class Refused(Exception):
    """The answer is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FakeKubeflow:
    """Kubeflow Pipelines without a cluster; it listens on 127.0.0.1 while it is entered."""

    def __init__(self, token: str | None = None, stages: Sequence[Stage] = (Stage("SUCCEEDED"),)) -> None:
        """With a token, every request must bear it. A run goes on by a stage each time that one is asked for."""
        self.token = token
        self.stages = list(stages)
        self.requests: list[Request] = []
        self.troubles: list[Trouble] = []
        self.pipelines: dict[str, Json] = {}
        self.versions: dict[str, Json] = {}
        self.experiments: dict[str, Json] = {}
        self.runs: dict[str, Json] = {}
        self.recurring_runs: dict[str, Json] = {}
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests of a method whose path ends so."""
        return [request for request in self.requests if request.method == method and request.path.endswith(path)]

    def answer(self, request: Request) -> Json:
        """Does what is asked.

        Raises:
          Refused: it is not allowed, or makes no sense.
        """
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(401, "Request header error: there is no user identity header.: Unauthenticated")
        *before, last = request.path.removeprefix(PREFIX).strip("/").split("/")
        name = "/".join([*before, last]) if not before or last == "upload_version" else before[0]
        routes: dict[tuple[str, str], Callable[[Request], Json]] = {
            ("GET", "healthz"): lambda _: {"multi_user": False},
            ("GET", "pipelines"): self._list,
            ("POST", "pipelines"): self._create_pipeline,
            ("POST", "pipelines/upload_version"): self._upload_version,
            ("GET", "experiments"): lambda asked: {"experiments": _named(self.experiments, asked)},
            ("POST", "experiments"): lambda asked: _added(self.experiments, "experiment_id", asked.body),
            ("POST", "runs"): self._create_run,
            ("GET", "runs"): self._get_run,
            ("POST", "recurringruns"): self._create_recurring_run,
        }
        route = routes.get((request.method, name))
        if route is None or not request.path.startswith(PREFIX):
            raise Refused(404, "Not Found")
        return route(request)

    def _list(self, request: Request) -> Json:
        if not request.path.endswith("/versions"):
            return {"pipelines": _named(self.pipelines, request)}
        pipeline_id = request.path.split("/")[-2]
        own = {key: version for key, version in self.versions.items() if version["pipeline_id"] == pipeline_id}
        return {"pipeline_versions": _named(own, request)}

    def _create_pipeline(self, request: Request) -> Json:
        name = request.body["display_name"]
        if any(pipeline["display_name"] == name for pipeline in self.pipelines.values()):
            raise Refused(409, f"Failed to create a pipeline: Already exist error: the name {name} already exists")
        return _added(self.pipelines, "pipeline_id", request.body)

    def _upload_version(self, request: Request) -> Json:
        spec = next(yaml.safe_load_all(request.body))
        name, pipeline_id = request.query["name"], request.query["pipelineid"]
        if pipeline_id not in self.pipelines:
            raise Refused(404, f"Failed to create a pipeline version: Pipeline {pipeline_id} not found")
        if any(version["display_name"] == name for version in self.versions.values()):
            raise Refused(409, f"Failed to create a pipeline version: the name {name} already exists")
        if spec["schemaVersion"] != "2.1.0":
            version = spec["schemaVersion"]
            raise Refused(400, f"KFP only supports schema version 2.1.0, but the pipeline spec has version {version}")
        body = {"display_name": name, "pipeline_id": pipeline_id, "pipeline_spec": spec}
        return _added(self.versions, "pipeline_version_id", body)

    def _create_run(self, request: Request) -> Json:
        self._check_run(request.body)
        return _added(self.runs, "run_id", request.body | {"state": "PENDING"})

    def _create_recurring_run(self, request: Request) -> Json:
        body = request.body
        self._check_run(body)
        trigger = body["trigger"]
        cron = (trigger.get("cron_schedule") or {}).get("cron", "0 * * * * *")
        every = int((trigger.get("periodic_schedule") or {}).get("interval_second", 1))
        if len(trigger) != 1 or len(cron.split()) != 6 or every < 1 or body["mode"] not in MODES:  # noqa: PLR2004
            raise Refused(400, f"Invalid input error: the trigger {trigger} is no schedule")
        if not 1 <= int(body["max_concurrency"]) <= 10:  # noqa: PLR2004
            raise Refused(400, "Invalid input error: the max concurrency of the job must be between 1 and 10")
        return _added(self.recurring_runs, "recurring_run_id", body)

    def _check_run(self, body: Json) -> None:
        reference = body.get("pipeline_version_reference") or {}
        version = self.versions.get(str(reference.get("pipeline_version_id")))
        if version is None:
            raise Refused(400, "Invalid input error: the run has no pipeline version")
        if body.get("experiment_id") not in self.experiments:
            raise Refused(404, f"Experiment {body.get('experiment_id')} not found")
        root = version["pipeline_spec"]["root"]
        clashes = sorted(name for name in root["dag"]["tasks"] if f"{name}{OWN_DRIVER}" in root["dag"]["tasks"])
        if clashes:
            raise Refused(400, f"templates.root sorting failed: duplicated nodeName {clashes[0]}{OWN_DRIVER}")
        declared = root.get("inputDefinitions", {}).get("parameters", {})
        given = body["runtime_config"].get("parameters", {})
        unknown = set(given) - set(declared)
        missing = {name for name in declared if name not in given and "defaultValue" not in declared[name]}
        if unknown or missing:
            raise Refused(400, f"Invalid input error: parameters unknown: {unknown}, missing: {missing}")

    def _get_run(self, request: Request) -> Json:
        run_id = request.path.split("/")[-1]
        if run_id not in self.runs:
            raise Refused(404, f"Failed to get a run: ResourceNotFoundError: Run {run_id} not found.")
        stage = self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]
        details = [_task(name, how) for name, how in stage.tasks.items()]
        error = {"error": {"code": 13, "message": stage.error}} if stage.error else {}
        return self.runs[run_id] | {"state": stage.state, "run_details": {"task_details": details}} | error


def _named(things: Mapping[str, Json], request: Request) -> list[Json]:
    """Those that the filter of a request lets through, which is one of equality."""
    if "filter" not in request.query:
        return list(things.values())
    (predicate,) = json.loads(unquote(request.query["filter"]))["predicates"]
    if predicate["operation"] not in EQUALS:
        raise Refused(400, f"Invalid input error: the operation {predicate['operation']}")
    return [thing for thing in things.values() if thing[predicate["key"]] == predicate["stringValue"]]


def _added(things: dict[str, Json], key: str, body: Json) -> Json:
    identity = str(uuid4())
    things[identity] = body | {key: identity}
    return things[identity]


def _task(name: str, how: str | tuple[str, str]) -> Json:
    state, error = how if isinstance(how, tuple) else (how, "")
    times = {} if state == "PENDING" else {"start_time": BEGAN, "end_time": ENDED}
    return {"display_name": name, "state": state} | times | ({"error": {"code": 13, "message": error}} if error else {})


def _body_of(headers: Mapping[str, str], content: bytes) -> Any:
    kind = headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return json.loads(content) if content else None
    form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + content, policy=HTTP)
    parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
    upload = parts["uploadfile"]
    if not str(upload.get_filename()).endswith((".yaml", ".yml")):
        raise Refused(400, "Unexpected pipeline file format. Support .zip, .tar.gz, .json or YAML.")
    sent = upload.get_content()
    return sent if isinstance(sent, str) else sent.decode()


def _handler_of(fake: FakeKubeflow) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its base's name
            """Says nothing."""

        def do_GET(self) -> None:
            """Answers, or makes trouble."""
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            try:
                request = Request(self.command, parts.path, query, headers, _body_of(headers, content))
                fake.requests.append(request)
                trouble = next((one for one in fake.troubles if one.times and parts.path.endswith(one.path)), None)
                if trouble is None:
                    self._send(200, json.dumps(fake.answer(request)))
                    return
                trouble.times -= 1
                if trouble.is_done_first:
                    fake.answer(request)
                if not trouble.status:
                    fake.released.wait()
                    return
                self._send(trouble.status, trouble.body, trouble.content_type, trouble.location)
            except Refused as error:
                self._send(error.status, json.dumps({"code": error.status, "message": str(error)}))

        def do_POST(self) -> None:
            """As GET."""
            self.do_GET()

        def _send(self, status: int, body: str, kind: str = "application/json", location: str | None = None) -> None:
            content = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(content)

    return Handler
