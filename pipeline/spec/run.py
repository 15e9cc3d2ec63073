"""One run of a compiled spec on this machine."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import environ
from pathlib import Path

from pipeline.local import LocalRun
from pipeline.lock import hold
from pipeline.spec.executor_input import root_of
from pipeline.spec.forked import has_ours, preload
from pipeline.spec.given import Run
from pipeline.spec.graph import Graph
from pipeline.spec.loading import Spec
from pipeline.spec.parameters import parameters_of
from pipeline.spec.platform import deadline_of, missing_secrets, mounts_of
from pipeline.spec.store import Store
from pipeline.spec.summary import SpecSummary, summarize
from pipeline.spec.work import Folders, Steps
from pipeline.steps import State, Step, StepStatus, Watcher
from pipeline.stopping import StopRequest
from pipeline.workdir import Workdir, clear_errors_of, new_run_id
from schema.errors import Interrupted, ModelNotBlessed, PenstockError


@dataclass(frozen=True)
class Options:
    """How a run is told: its parameters as `name=value`, and whether it uses what ran before."""

    parameters: Sequence[str] = ()
    cache: bool = True


@dataclass(frozen=True)
class Result:
    """What a run came to, and why it did not push, if it did not."""

    summary: SpecSummary
    error: PenstockError | None


def run(
    spec: Spec, place: Workdir, options: Options, watcher: Watcher, divert_output: Callable[[Path], None]
) -> Result:
    """Runs every step of a spec.

    Args:
      spec: the pipeline.
      place: its folder: objects/ holds its object stores, spec-FLAVOUR.db what ran, logs/ the logs, pods/
        what failed.
        Volumes lie beside it, as claims are not one pipeline's own.
      options: how it is told.
      watcher: is told how the steps stand.
      divert_output: called with the run's log, before anything is written that is not for the screen.

    Raises:
      UsageError: the spec or a parameter is wrong.
      PipelineBusy: another process runs this pipeline.
      PenstockError: the workdir cannot be written to.
    """
    graph, parameters = Graph(spec), parameters_of(spec, options.parameters)
    volumes = place.path.parent / "volumes"
    for config in spec.platform.values():
        deadline_of(config)
    notices = _notices(spec, volumes, parameters)
    with clear_errors_of(place), hold(place.lock):
        run_id = new_run_id()
        folders = Folders(place.path / "objects", volumes, place.path / "pods", place.logs / run_id)
        folders.logs.mkdir(parents=True)
        shutil.rmtree(folders.pods, ignore_errors=True)
        divert_output(folders.logs / "penstock.log")
        for notice in notices:
            watcher.announce(notice)
        if has_ours(spec):
            watcher.announce("loading TFX …")
            preload(spec)
        store = Store(place.path / f"spec-{spec.flavour}.db")
        root = root_of(spec, run_id)
        the_run = Run(run_id, spec.flavour, _names(spec, run_id, root), parameters)
        steps = Steps(spec, graph, store, the_run, folders, root, cache=options.cache)
        remembering = _Remembering(watcher, graph.steps)
        error = _run_steps(graph, steps, folders, remembering)
        summary = summarize(spec, run_id, store, remembering.statuses, folders.objects, notices)
    return Result(summary, error or _refusal(summary))


def _run_steps(graph: Graph, steps: Steps, folders: Folders, watcher: Watcher) -> PenstockError | None:
    with StopRequest() as stop:
        error = LocalRun(graph.steps, steps.work, folders.logs, watcher, stop).run()
    if isinstance(error, Interrupted):
        return Interrupted("The run was stopped. Run it again: what was done and may be cached is not done twice.")
    if error is None:
        shutil.rmtree(folders.pods, ignore_errors=True)
    return error


def _refusal(summary: SpecSummary) -> PenstockError | None:
    if summary.pushed is False:
        return ModelNotBlessed("Nothing was pushed: the Pusher held the model back, as it lacks a blessing.")
    return None


def _names(spec: Spec, run_id: str, root: str) -> dict[str, str]:
    """What the placeholders of a run stand for."""
    now = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
    return {
        "pipeline_job_name": f"{spec.name}-{run_id}",
        "pipeline_job_resource_name": f"{spec.name}-{run_id}",
        "pipeline_job_uuid": run_id,
        "pipeline_job_create_time_utc": now,
        "pipeline_job_schedule_time_utc": now,
        "pipeline_root": root,
    }


def _notices(spec: Spec, volumes: Path, parameters: Mapping[str, object]) -> list[str]:
    """What stands here for what the backend has: volumes, and secrets."""
    mounts = {
        (mount.prefix, mount.folder)
        for config in spec.platform.values()
        for mount in mounts_of(config, volumes, Path(), parameters)
        if mount.folder.is_relative_to(volumes)
    }
    notices = [f"{prefix} of the containers is {folder} here" for prefix, folder in sorted(mounts)]
    if lacking := missing_secrets(spec.platform, environ):
        notices.append(f"secrets are this shell's variables here, and it lacks {', '.join(lacking)}")
    return notices


class _Remembering:
    """A watcher that passes on what it is told, and keeps how the steps stand."""

    def __init__(self, watcher: Watcher, steps: Sequence[Step]) -> None:
        self._watcher = watcher
        self.statuses: list[StepStatus] = [StepStatus(step.name, State.WAITING) for step in steps]

    def announce(self, text: str) -> None:
        self._watcher.announce(text)

    def changed(self, status: StepStatus, statuses: Sequence[StepStatus]) -> None:
        self.statuses = list(statuses)
        self._watcher.changed(status, statuses)

    def tick(self, statuses: Sequence[StepStatus]) -> None:
        self._watcher.tick(statuses)
