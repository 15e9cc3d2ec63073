"""Vertex AI Pipelines, through google-cloud-aiplatform: https://cloud.google.com/vertex-ai/docs/pipelines/run-pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google.auth
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud import aiplatform

from pipeline.steps import State, StepStatus
from pipeline.submission.orders import Order, Receipt, Standing, failure_of, one_line, seconds_between
from schema.errors import PenstockError, UsageError

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
TIMEOUT = 120.0  # seconds for a request that creates something
STATES = {
    "PENDING": State.WAITING,
    "RUNNING": State.RUNNING,
    "SUCCEEDED": State.DONE,
    "CANCEL_PENDING": State.RUNNING,
    "CANCELLING": State.RUNNING,
    "CANCELLED": State.INTERRUPTED,
    "FAILED": State.FAILED,
    "SKIPPED": State.CACHED,
    "NOT_TRIGGERED": State.DONE,
}
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED", "PAUSED")


@dataclass(frozen=True)
class Place:
    """Where in Google Cloud a pipeline runs, and as whom."""

    project: str
    region: str
    credentials_file: Path | None = None
    service_account: str | None = None
    network: str | None = None
    endpoint: str | None = None


class Vertex:
    """Vertex AI Pipelines in one project and region."""

    def __init__(self, place: Place) -> None:
        """Asks nothing yet."""
        self._place = place
        self._job: Any = None
        self._steps: tuple[str, ...] = ()

    def send(self, order: Order) -> Receipt:
        """Creates the run or the schedule. Vertex keeps no pipelines: each run carries its own.

        Raises:
          PenstockError: Google Cloud does not answer, or refuses.
          UsageError: there are no credentials; or the SDK finds fault with the file or with an option.
        """
        self._steps = order.pipeline.steps
        with self._explained():
            self._job = self._prepared(order)
            if order.schedule is not None:
                return self._scheduled(order)
            self._job.submit(
                service_account=self._place.service_account,
                network=self._place.network,
                create_request_timeout=TIMEOUT,
            )
            return Receipt(self._job.name, self._job._dashboard_uri())  # noqa: SLF001  # the SDK only logs it

    def standing(self, receipt: Receipt) -> Standing:
        """Returns how the run stands now.

        Raises:
          PenstockError: Google Cloud does not answer, or refuses.
        """
        del receipt
        with self._explained():
            details = {detail.task_name: detail for detail in self._job.task_details}
        resource = self._job.gca_resource
        state = resource.state.name.removeprefix("PIPELINE_STATE_")
        statuses = [_status(name, details.get(name)) for name in self._steps]
        is_finished = state in ENDED
        failed = is_finished and state != "SUCCEEDED"
        failure = failure_of(statuses, resource.error.message, state) if failed else ""
        return Standing(is_finished, state, statuses, failure)

    def _prepared(self, order: Order) -> Any:
        place = self._place
        credentials = _credentials(place.credentials_file)
        aiplatform.init(
            project=place.project, location=place.region, credentials=credentials, api_endpoint=place.endpoint
        )
        return aiplatform.PipelineJob(
            display_name=order.run_name,
            template_path=str(order.pipeline.file),
            pipeline_root=order.root,
            parameter_values=order.parameters,
            enable_caching=False if order.no_cache else None,
            labels=order.pipeline.job.get("labels"),
            project=place.project,
            location=place.region,
            credentials=credentials,
        )

    def _scheduled(self, order: Order) -> Receipt:
        schedule = order.schedule
        assert schedule is not None
        made = self._job.create_schedule(
            cron=schedule.cron,
            display_name=order.run_name,
            max_concurrent_run_count=schedule.max_concurrency,
            service_account=self._place.service_account,
            network=self._place.network,
            create_request_timeout=TIMEOUT,
        )
        return Receipt(made.name, made._dashboard_uri())  # noqa: SLF001  # the SDK only logs it

    @contextmanager
    def _explained(self) -> Iterator[None]:
        place = self._place
        try:
            yield
        except DefaultCredentialsError as error:
            raise UsageError(_no_credentials(place, error)) from error
        except GoogleAuthError as error:
            raise PenstockError(
                f"Google Cloud gave no access token: {one_line(str(error))}. Log in anew with "
                "gcloud auth application-default login, or give another --credentials-file."
            ) from error
        except exceptions.GoogleAPIError as error:
            raise PenstockError(_refusal(error, place)) from error
        except (ValueError, TypeError) as error:  # the SDK's own checks
            raise UsageError(f"Vertex AI's SDK refuses: {one_line(str(error))}") from error


def _credentials(file: Path | None) -> Any:
    if file:
        return google.auth.load_credentials_from_file(str(file), scopes=SCOPES)[0]
    return google.auth.default(scopes=SCOPES)[0]


def _no_credentials(place: Place, error: DefaultCredentialsError) -> str:
    if place.credentials_file:
        return f"{place.credentials_file}: no credentials of Google Cloud: {one_line(str(error))}"
    return (
        "There are no credentials of Google Cloud. Log in with gcloud auth application-default login, or give the key "
        "of a service account with --credentials-file FILE."
    )


def _refusal(error: exceptions.GoogleAPIError, place: Place) -> str:
    said = one_line(getattr(error, "message", "") or str(error)).rstrip(".")
    advice = next((text for kind, text in ADVICE if isinstance(error, kind)), "")
    return f"Vertex AI in {place.project}, {place.region}: {said}. {advice}".rstrip()


ADVICE = (
    (exceptions.Unauthenticated, "Log in with gcloud auth application-default login, or give --credentials-file FILE."),
    (
        exceptions.Forbidden,
        "Are --project and --region right? The account needs roles/aiplatform.user there.",
    ),
    (exceptions.NotFound, "Are --project and --region right, and is the Vertex AI API on?"),
    (exceptions.Conflict, "A run with that id is there already; try again in a second."),
    (exceptions.BadRequest, "Vertex AI refuses the pipeline or one of the options."),
    (exceptions.TooManyRequests, "That is a quota; try later, or ask for more."),
    (exceptions.GatewayTimeout, "It may have been done: see the console before trying again."),
    (exceptions.ServerError, "Try later."),
    (exceptions.RetryError, "Google Cloud cannot be reached, or is down; try later."),
)


def _status(name: str, detail: Any) -> StepStatus:
    if detail is None:
        return StepStatus(name)
    state = STATES.get(detail.state.name, State.WAITING)
    note = one_line(detail.error.message) if state is State.FAILED else ""
    if detail.state.name == "NOT_TRIGGERED":
        note = "not run: its condition is false"
    return StepStatus(name, state, seconds_between(detail.start_time, detail.end_time), note)
