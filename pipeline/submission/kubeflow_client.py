"""kfp's client, with time-outs, with retries where a request may be repeated, and with errors for a person.

kfp 2.16 waits for ever for a server that does not answer, tries an unreachable one five times in 25 seconds, and takes
the page of a login for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from kfp import Client
from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials
from kfp_server_api.exceptions import ApiException
from kfp_server_api.rest import RESTClientObject
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from pipeline.submission.orders import one_line
from schema.errors import PenstockError

CONNECTING, ANSWERING = 10.0, 60.0  # seconds; a server parses an upload before it answers
ATTEMPTS = 4
LONGEST_PAUSE = 8.0  # seconds
PASSING = frozenset({429, 500, 502, 503, 504})
REPEATABLE_POSTS = ("/pipelines/upload_version",)  # a version's name is taken once: a repeat is told that it is there
FORMS_OF_JSON = ("application/json", "text/json")


@dataclass(frozen=True)
class Host:
    """Where Kubeflow Pipelines answers, as whom it is asked, and the address of its pages."""

    url: str
    namespace: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    ui_url: str | None = None
    timeout: float = ANSWERING
    longest_pause: float = LONGEST_PAUSE

    @property
    def pages(self) -> str:
        return (self.ui_url or self.url).rstrip("/")


class PatientRest(RESTClientObject):
    """The HTTP under kfp's client: each request has a time-out, and those that may be repeated are."""

    def __init__(self, configuration: Any, host: Host) -> None:
        super().__init__(configuration)
        self._host = host

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        """Sends a request, as its base does.

        Raises:
          ApiException: the server refused.
          PenstockError: it does not answer, or is no Kubeflow Pipelines.
        """
        is_repeatable = method.upper() == "GET" or urlsplit(url).path.endswith(REPEATABLE_POSTS)
        options["_request_timeout"] = options.get("_request_timeout") or (CONNECTING, self._host.timeout)
        headers = dict(options.pop("headers", None) or {})  # of which a request takes out its own
        retrying = Retrying(
            retry=retry_if_exception(_is_passing),
            wait=wait_random_exponential(multiplier=0.5, max=self._host.longest_pause),
            stop=stop_after_attempt(ATTEMPTS if is_repeatable else 1),
            reraise=True,
        )
        try:
            response = retrying(
                lambda: RESTClientObject.request(self, method, url, *args, headers={**headers}, **options)
            )
        except urllib3.exceptions.HTTPError as error:
            raise PenstockError(unreachable(self._host, error, is_repeatable=is_repeatable)) from error
        except ApiException as error:
            if error.body is None:  # kfp's own client would fall over it
                raise PenstockError(_unsafe(self._host, error.reason)) from error
            if 300 <= error.status < 400:  # noqa: PLR2004
                raise PenstockError(_no_api(self._host, f"leads to {error.headers.get('location')}")) from error
            raise
        if not (response.getheader("content-type") or "").startswith(FORMS_OF_JSON):
            raise PenstockError(_no_api(self._host, "answers with a page"))
        return response


class PatientClient(Client):
    """kfp's client over PatientRest."""

    def __init__(self, host: Host) -> None:
        self._asked = host
        super().__init__(
            host=host.url,
            credentials=ServiceAccountTokenVolumeCredentials(str(host.token_file)) if host.token_file else None,
            ssl_ca_cert=str(host.ca_file) if host.ca_file else None,
            ui_host=host.pages,
        )
        self.get_kfp_healthz()

    def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:
        """Asks whether Kubeflow Pipelines is there; kfp asks so too, before anything else.

        Raises:
          ApiException: the server refused.
          PenstockError: it does not answer, or is no Kubeflow Pipelines.
        """
        del sleep_duration  # the pauses are PatientRest's
        api = self._healthz_api
        api.api_client.configuration.retries = False  # urllib3's would be immediate, and would follow to a login page
        api.api_client.rest_client = PatientRest(api.api_client.configuration, self._asked)
        return api.healthz_service_get_healthz()


def unreachable(host: Host, error: urllib3.exceptions.HTTPError, *, is_repeatable: bool = True) -> str:
    """Returns what to tell a person about a server that did not answer."""
    text = str(error)
    if isinstance(error, urllib3.exceptions.SSLError) or "CERTIFICATE" in text:
        return _unsafe(host, text)
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        unsure = (
            "" if is_repeatable else f" What was asked for may have been done: see {host.pages} before trying again."
        )
        return f"{host.url}: no answer within {host.timeout:g} s.{unsure}"
    why = "nothing listens there" if "refused" in text else "no such host" if "resolve" in text else one_line(text)
    return (
        f"{host.url}: cannot be reached: {why}. Is --host right? From outside a cluster: kubectl port-forward -n "
        "kubeflow svc/ml-pipeline-ui 8080:80, and --host http://localhost:8080."
    )


def _unsafe(host: Host, why: str) -> str:
    if "WRONG_VERSION" in why:
        advice = f"It speaks no TLS there; is it --host {host.url.replace('https://', 'http://')}?"
    else:
        advice = "Does its certificate come from an authority of your own? Give that with --ca-file."
    return f"{host.url}: no safe connection: {one_line(why)}. {advice}"


def _no_api(host: Host, what: str) -> str:
    return (
        f"{host.url}: no Kubeflow Pipelines API: it {what}. Is that a login? Then give a token with --token-file; else "
        "--host must be the address under which /apis/v2beta1/healthz answers."
    )


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, ApiException):
        return error.status in PASSING
    is_safe = not isinstance(error, urllib3.exceptions.SSLError)
    return is_safe and isinstance(error, urllib3.exceptions.HTTPError) and "CERTIFICATE" not in str(error)
