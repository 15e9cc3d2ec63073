"""`penstock submit`: checks everything that can be checked here, sends the pipeline, and follows its run if asked."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.chatter import Screen
from pipeline.submission.compiled import KUBEFLOW, VERTEX, CompiledPipeline, read_compiled
from pipeline.submission.connecting import Given, connect, settings_of
from pipeline.submission.durations import check_cron, kubeflow_cron, seconds_of
from pipeline.submission.following import Patience, follow
from pipeline.submission.orders import Order, Receipt, Schedule, Standing, Target
from pipeline.submission.parameters import parameter_values
from pipeline.submission.telling import as_json, receipt_lines, wanted, wanted_lines
from schema.errors import StepFailed, UsageError

ONLY = {
    KUBEFLOW: ("host", "ui_host", "namespace", "token_file", "ca_file", "experiment", "every", "no_catchup"),
    VERTEX: ("project", "region", "network", "credentials_file", "api_endpoint"),
}


def submit(screen: Screen, file: Path, **given: Any) -> None:
    """Submits a compiled pipeline.

    Raises:
      UsageError: the file is no compiled pipeline, or an option is wrong; nothing was sent.
      StepFailed: the run that was waited for did not end well.
      PenstockError: the target does not answer, or refuses.
    """
    pipeline = read_compiled(file)
    _check_target(pipeline, given)
    order = order_of(pipeline, given)
    if given["timeout"] and not given["wait"]:
        raise UsageError("--timeout needs --wait: it is how long the run is followed.")
    timeout = seconds_of(given["timeout"], "--timeout") if given["timeout"] else None
    settings = settings_of(pipeline.target, given)
    if given["dry_run"]:
        _print(screen, [_json(wanted(order, settings))] if given["as_json"] else wanted_lines(order, settings))
        return
    screen.divert(Path(os.devnull))
    target: Target = connect(pipeline.target, settings)
    receipt = target.send(order)
    if not given["as_json"]:
        _print(screen, receipt_lines(order, receipt))
    standing = None
    try:
        if given["wait"]:
            standing = _followed(screen, target, receipt, timeout, given)
    finally:
        if given["as_json"]:  # also where it is no longer followed: a script has the run's id
            _print(screen, [_json(as_json(order, receipt, standing))])
    if standing and standing.failure:
        raise StepFailed(f"{standing.failure.rstrip('.')}. Its log: {receipt.page}")


def order_of(pipeline: CompiledPipeline, given: Given) -> Order:
    """Returns what the options ask for.

    Raises:
      UsageError: an option is wrong, or two do not go together.
    """
    schedule = _schedule(given, pipeline.target)
    if schedule and given["wait"]:
        raise UsageError("--wait follows one run; a recurring run, --cron or --every, has no end.")
    root = given["root"] or pipeline.root
    if pipeline.target == VERTEX and not (root or "").startswith("gs://"):
        raise UsageError("Vertex AI keeps artifacts in Cloud Storage. Say where: --root gs://BUCKET/FOLDER")
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H-%M-%S")
    title = pipeline.job.get("displayName") or pipeline.name
    run_name = given["name"] or (str(title) if schedule else f"{title} {now}")
    values = parameter_values(given["parameter"], pipeline.parameters)
    return Order(pipeline, run_name, values, root, schedule, given["no_cache"])


def _check_target(pipeline: CompiledPipeline, given: Given) -> None:
    wanted = given["target"] or pipeline.target
    if wanted != pipeline.target:
        form = "a PipelineJob of Vertex AI" if pipeline.target == VERTEX else "a pipeline spec of Kubeflow Pipelines"
        raise UsageError(
            f"{pipeline.file} is {form}, and --target is {wanted}. Compile it for that: "
            f"penstock compile CONFIG --target {wanted}."
        )
    other = VERTEX if wanted == KUBEFLOW else KUBEFLOW
    wrong = [f"--{name.replace('_', '-')}" for name in ONLY[other] if given[name]]
    if wrong:
        raise UsageError(f"{', '.join(wrong)}: an option of {other}, and {pipeline.file} is for {wanted}.")


def _schedule(given: Given, target: str) -> Schedule | None:
    if given["cron"] and given["every"]:
        raise UsageError("--cron and --every: give one of them.")
    if not given["cron"] and not given["every"]:
        idle = [name for name in ("max_concurrency", "no_catchup") if given[name]]
        if idle:
            raise UsageError(f"--{idle[0].replace('_', '-')} needs --cron or --every: it is about a recurring run.")
        return None
    cron = check_cron(given["cron"]) if given["cron"] else None
    if cron and target == KUBEFLOW:
        kubeflow_cron(cron)
    every = seconds_of(given["every"], "--every") if given["every"] else None
    return Schedule(cron, every, given["max_concurrency"] or 1, not given["no_catchup"])


def _followed(screen: Screen, target: Target, receipt: Receipt, timeout: float | None, given: Given) -> Standing:
    from pipeline.display import console_for, steps_watcher

    console = console_for(screen.err if given["as_json"] else screen.out)
    with steps_watcher(console) as watcher:
        return follow(lambda: target.standing(receipt), watcher, Patience(timeout, given["poll"]), receipt.page)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _print(screen: Screen, lines: list[str]) -> None:
    screen.out.write("".join(f"{line}\n" for line in lines))
    screen.out.flush()
