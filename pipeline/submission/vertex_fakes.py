"""A server that speaks what of Vertex AI's gRPC API v1 a submission needs, for the real SDK to talk to over TLS.

It takes the requests apart with the messages of the SDK itself, and is as strict as the real one where the SDK leaves
the checking to it. Beside it stands what the SDK asks on its way: whether the bucket is there.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import grpc
from google.cloud import aiplatform_v1 as v1
from google.rpc import status_pb2

Tasks = Mapping[str, str | tuple[str, str]]  # the state, or (FAILED, the error)
PACKAGE = "google.cloud.aiplatform.v1"
BEGAN, ENDED = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 12, tzinfo=UTC)
INTERNAL = 13


@dataclass(frozen=True)
class VertexStage:
    """How a run stands for one look: its state, and of each task the state or (state, error)."""

    state: str
    tasks: Tasks = field(default_factory=dict)
    error: str = ""


class FakeVertex:
    """Vertex AI Pipelines without Google Cloud; it listens on localhost while it is entered."""

    def __init__(
        self, certificate: bytes, key: bytes, stages: Sequence[VertexStage] = (VertexStage("SUCCEEDED"),)
    ) -> None:
        """The certificate, for localhost, and its key are PEM. The runs go through the stages as they are asked for."""
        self.stages = list(stages)
        self.jobs: dict[str, Any] = {}
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        self.trouble: tuple[grpc.StatusCode, str] | None = None
        self._server = grpc.server(ThreadPoolExecutor(4))
        methods = {
            "PipelineService": {
                "CreatePipelineJob": (v1.CreatePipelineJobRequest, v1.PipelineJob, self._create_job),
                "GetPipelineJob": (v1.GetPipelineJobRequest, v1.PipelineJob, self._get_job),
            },
            "ScheduleService": {"CreateSchedule": (v1.CreateScheduleRequest, v1.Schedule, self._create_schedule)},
        }
        for service, own in methods.items():
            handlers = {name: self._handler(*parts) for name, parts in own.items()}
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(f"{PACKAGE}.{service}", handlers),)
            )
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        self.endpoint = f"localhost:{self._server.add_secure_port('localhost:0', credentials)}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.stop(None).wait()

    def _handler(self, request: Any, response: Any, answer: Callable[[Any, Any], Any]) -> Any:
        def answered(message: Any, context: Any) -> Any:
            self.requests.append(message)
            self.metadata.append({entry.key: entry.value for entry in context.invocation_metadata()})
            if self.trouble:
                context.abort(*self.trouble)
            return answer(message, context)

        return grpc.unary_unary_rpc_method_handler(
            answered, request_deserializer=request.deserialize, response_serializer=response.serialize
        )

    def _create_job(self, request: Any, context: Any) -> Any:
        name = f"{request.parent}/pipelineJobs/{request.pipeline_job_id}"
        if name in self.jobs:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{name} exists already")
        job = v1.PipelineJob(request.pipeline_job)  # a copy: the request stays what it was
        if not job.runtime_config.gcs_output_directory.startswith("gs://"):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "gcs_output_directory must be a Cloud Storage path")
        job.name, job.state = name, v1.PipelineState.PIPELINE_STATE_PENDING
        self.jobs[name] = job
        return job

    def _get_job(self, request: Any, context: Any) -> Any:
        if request.name not in self.jobs:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.name} is not there")
        stage = self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]
        job = self.jobs[request.name]
        job.state = v1.PipelineState[f"PIPELINE_STATE_{stage.state}"]
        job.job_detail = v1.PipelineJobDetail(task_details=[_task(name, how) for name, how in stage.tasks.items()])
        job.error = status_pb2.Status(code=INTERNAL, message=stage.error) if stage.error else None
        return job

    def _create_schedule(self, request: Any, context: Any) -> Any:
        schedule = v1.Schedule(request.schedule)
        if schedule.max_concurrent_run_count < 1:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "max_concurrent_run_count must be positive")
        schedule.name = f"{request.parent}/schedules/77"
        return schedule


class FakeStorage:
    """Cloud Storage and Google's token server, as far as a submission asks them: no bucket may be seen."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _storage_handler(self.paths))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _task(name: str, how: str | tuple[str, str]) -> Any:
    state, error = how if isinstance(how, tuple) else (how, "")
    times = {} if state == "PENDING" else {"start_time": BEGAN, "end_time": ENDED}
    failure = {"error": status_pb2.Status(code=INTERNAL, message=error)} if error else {}
    return v1.PipelineTaskDetail(task_name=name, state=v1.PipelineTaskDetail.State[state], **times, **failure)


def _storage_handler(paths: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its base's name
            """Says nothing."""

        def do_GET(self) -> None:
            """The account may not look at buckets, as is common."""
            self._send(403, {"error": {"code": 403, "message": "storage.buckets.get denied"}})

        def do_POST(self) -> None:
            """A token."""
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self._send(200, {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"})

        def _send(self, status: int, answer: dict[str, Any]) -> None:
            paths.append(self.path)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
