"""What a refusal of Kubeflow Pipelines means, and what to do about it."""

from __future__ import annotations

import json
from typing import Any

from pipeline.submission.kubeflow_client import ATTEMPTS, PASSING, Host
from pipeline.submission.orders import one_line

SERVER_ERRORS = 500


def refusal(error: Any, host: Host, experiment: str | None) -> str:
    """Returns what to tell a person about an ApiException of kfp_server_api."""
    said = server_message(error)
    told = f"{host.url}: {error.status} {error.reason or ''}".rstrip() + (f": {said.rstrip('.')}." if said else ".")
    return f"{told} {_advice(error.status, host, experiment)}".rstrip()


def server_message(error: Any) -> str:
    """Returns the sentence in an error's body: a google.rpc.Status, or error_message where an upload failed."""
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body or "")
    try:
        content = json.loads(body)
    except ValueError:
        return "" if body.lstrip().startswith("<") else one_line(body)
    if not isinstance(content, dict):
        return one_line(body)
    said = (content.get(key) for key in ("error_message", "message", "error_details", "error"))
    return one_line(str(next((sentence for sentence in said if sentence), "")))


def _advice(status: int, host: Host, experiment: str | None) -> str:
    namespace = f"namespace {host.namespace!r}" if host.namespace else "this namespace; name yours with --namespace"
    if status >= SERVER_ERRORS or status in PASSING:
        return f"Asked {ATTEMPTS} times where a repeat does no harm. Look at {host.pages} before trying again."
    if status == 401:  # noqa: PLR2004
        what = f"The token of {host.token_file} is not accepted." if host.token_file else "No token was sent."
        return f"{what} Give a fresh one with --token-file FILE."
    if status == 403:  # noqa: PLR2004
        return f"The account of the token may not do that in {namespace}."
    if status == 404:  # noqa: PLR2004
        where = f", the experiment {experiment!r}" if experiment else ""
        return f"Is {host.url} Kubeflow Pipelines 2? Are --namespace{where} right?"
    if status == 409:  # noqa: PLR2004
        return "Another has that name: the pipeline's is that of its file, the run's is --name."
    return ""
