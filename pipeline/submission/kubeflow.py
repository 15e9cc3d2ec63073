"""Kubeflow Pipelines 2, through kfp's client: https://www.kubeflow.org/docs/components/pipelines/reference/api."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from kfp_server_api import V2beta1Pipeline
from kfp_server_api.exceptions import ApiException

from pipeline.steps import State, StepStatus
from pipeline.submission.compiled import CompiledPipeline
from pipeline.submission.durations import kubeflow_cron
from pipeline.submission.kubeflow_client import Host, PatientClient
from pipeline.submission.orders import Order, Receipt, Standing, failure_of, one_line, seconds_between
from pipeline.submission.refusals import refusal
from schema.errors import PenstockError, UsageError

CONFLICT = 409
STATES = {
    "PENDING": State.WAITING,
    "RUNNING": State.RUNNING,
    "PAUSED": State.RUNNING,
    "CANCELING": State.RUNNING,
    "SUCCEEDED": State.DONE,
    "SKIPPED": State.CACHED,
    "FAILED": State.FAILED,
    "CANCELED": State.INTERRUPTED,
}
ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
WELL = ("SUCCEEDED", "SKIPPED")


class Kubeflow:
    """Kubeflow Pipelines at one host."""

    def __init__(self, host: Host, experiment: str | None = None, service_account: str | None = None) -> None:
        """Asks nothing yet."""
        self._host = host
        self._experiment = experiment
        self._service_account = service_account
        self._connected: PatientClient | None = None
        self._steps: tuple[str, ...] = ()

    def send(self, order: Order) -> Receipt:
        """Uploads the pipeline where that content is not there yet, and creates the run or the recurring run.

        The pipeline has the name that its file says, and each content is one version of it: <name>-<hash>.

        Raises:
          PenstockError: the server does not answer, or refuses.
          UsageError: the file is no pipeline spec.
        """
        self._steps = order.pipeline.steps
        pipeline = order.sent
        _check(pipeline)
        with self._explained():
            client = self._client()
            pipeline_id = self._pipeline_id(client, pipeline.name)
            version, is_new = self._version(client, pipeline_id, pipeline)
            experiment = client.create_experiment(self._experiment or "Default", namespace=self._host.namespace)
            settings = {
                "experiment_id": experiment.experiment_id,
                "job_name": order.run_name,
                "params": order.parameters,
                "pipeline_id": pipeline_id,
                "version_id": version.pipeline_version_id,
                "pipeline_root": order.root,
                "service_account": self._service_account,
            }
            page, identity = self._created(client, settings, order)
            return Receipt(identity, f"{self._host.pages}/#/{page}/details/{identity}", version.display_name, is_new)

    def standing(self, receipt: Receipt) -> Standing:
        """Returns how the run stands now.

        Raises:
          PenstockError: the server does not answer, or refuses.
        """
        with self._explained():
            run = self._client().get_run(receipt.id)
        details = (run.run_details.task_details if run.run_details else None) or []
        statuses = [_status(name, details) for name in self._steps]
        state = run.state or "PENDING"
        ended_badly = state in ENDED and state not in WELL
        failure = failure_of(statuses, run.error.message if run.error else "", state) if ended_badly else ""
        return Standing(state in ENDED, state, statuses, failure)

    def _client(self) -> PatientClient:
        if self._connected is None:
            self._connected = PatientClient(self._host)
        return self._connected

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Keeps off the screen what kfp prints, and says what a refusal means."""
        with redirect_stdout(StringIO()):
            try:
                yield
            except ApiException as error:
                raise PenstockError(refusal(error, self._host, self._experiment)) from error
            except ValueError as error:  # kfp's, of an answer that it makes no sense of
                raise PenstockError(f"{self._host.url}: {one_line(str(error))}") from error

    def _pipeline_id(self, client: PatientClient, name: str) -> str:
        """The pipeline of that name; one without a version is made where there is none."""
        found = self._named(client, name)
        if found:
            return found
        wanted = V2beta1Pipeline(display_name=name, namespace=self._host.namespace)
        try:
            return str(client.pipelines.pipeline_service_create_pipeline(pipeline=wanted).pipeline_id)
        except ApiException as error:
            made_meanwhile = self._named(client, name) if error.status == CONFLICT else None
            if made_meanwhile is None:
                raise
            return made_meanwhile

    def _named(self, client: PatientClient, name: str) -> str | None:
        answer = client.list_pipelines(filter=_equals(name), namespace=self._host.namespace)
        found = answer.pipelines or []
        return str(found[0].pipeline_id) if found else None

    def _version(self, client: PatientClient, pipeline_id: str, pipeline: CompiledPipeline) -> tuple[Any, bool]:
        """The version that holds this content, and whether it is new."""
        name = pipeline.version
        found = client.list_pipeline_versions(pipeline_id, filter=_equals(name)).pipeline_versions
        if found:
            return found[0], False
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder, "pipeline.yaml")  # the server tells by the name what it is
            package.write_text(pipeline.text, encoding="utf-8")
            try:
                return client.upload_pipeline_version(str(package), name, pipeline_id=pipeline_id), True
            except ApiException as error:
                again = client.list_pipeline_versions(pipeline_id, filter=_equals(name)).pipeline_versions
                if error.status != CONFLICT or not again:
                    raise
                return again[0], False

    def _created(self, client: PatientClient, settings: dict[str, Any], order: Order) -> tuple[str, str]:
        """Creates the run or the recurring run; returns the name of its kind of page, and its id."""
        if order.schedule is None:
            return "runs", str(client.run_pipeline(**settings).run_id)
        schedule = order.schedule
        made = client.create_recurring_run(
            **settings,
            cron_expression=kubeflow_cron(schedule.cron) if schedule.cron else None,
            interval_second=schedule.every,
            max_concurrency=schedule.max_concurrency,
            no_catchup=not schedule.catches_up,
        )
        return "recurringrun", str(made.recurring_run_id)


def _equals(name: str) -> str:
    """The filter of https://github.com/kubeflow/pipelines/blob/master/backend/api/v2beta1/filter.proto."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})


def _check(pipeline: CompiledPipeline) -> None:
    """Reads the documents as kfp does, so that a misspelt key is found here."""
    for document, message in zip(
        pipeline.documents, (pipeline_spec_pb2.PipelineSpec(), pipeline_spec_pb2.PlatformSpec()), strict=False
    ):
        try:
            json_format.ParseDict(document, message)
        except json_format.ParseError as error:
            kind = type(message).__name__
            raise UsageError(f"{pipeline.file}: no {kind} of Kubeflow Pipelines: {one_line(str(error))}") from error


def _status(name: str, details: list[Any]) -> StepStatus:
    """How a step stands. Its retries have its name with a number, kfp's own driver has -driver behind it."""
    own = [detail for detail in details if detail.display_name == name]
    if not own:
        return StepStatus(name)
    detail = own[-1]
    state = STATES.get(detail.state, State.WAITING)
    seconds = seconds_between(detail.start_time, detail.end_time)
    return StepStatus(name, state, seconds, _note(name, state, details))


def _note(name: str, state: State, details: list[Any]) -> str:
    if state is not State.FAILED:
        return ""
    related = [detail for detail in details if str(detail.display_name).startswith(name)]
    errors = (one_line(detail.error.message) for detail in reversed(related) if detail.error)
    return next((error for error in errors if error), "")
