"""One run of a pipeline on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.report.parts import parts_of_steps
from pipeline.config import Config
from pipeline.light import quick_imports
from pipeline.lineage import Lineage
from pipeline.local import LocalRun
from pipeline.lock import hold
from pipeline.metadata import answering, connection_config
from pipeline.notes import note_of
from pipeline.runners import beam_args
from pipeline.steps import State, Step, Watcher
from pipeline.stopping import StopRequest
from pipeline.summary import Summary, outputs_of, summarize
from pipeline.warm import Warm, left_out
from pipeline.workdir import Workdir, clear_errors_of, new_run_id
from schema.errors import Interrupted, PenstockError, StepFailed, UsageError

MIB = 2**20
FREE_MIB_NEEDED = 256
RESUME = "Then go on with penstock run --resume: the steps that are done stay done."
Work = Callable[[str], Any]


@dataclass(frozen=True)
class Options:
    """How a run differs from a plain one: go on with the last one; do not use its results."""

    resume: bool = False
    cache: bool = True


@dataclass(frozen=True)
class Result:
    """What a run came to, and why it did not push, if it did not."""

    summary: Summary | None
    error: PenstockError | None


def run(
    config: Config,
    workdir: Workdir,
    options: Options,
    watcher: Watcher,
    divert_output: Callable[[Path], None],
    warm: Warm,
) -> Result:
    """Runs the DAG.

    Args:
      config: the pipeline.
      workdir: where it keeps its files.
      options: how this run differs from a plain one.
      watcher: is told how the steps stand.
      divert_output: called with the run's log, before libraries are imported that write to the screen.
      warm: runs the steps' executors.

    Raises:
      UsageError: the configuration does not fit the data or the schema, or there is nothing to resume.
      PipelineBusy: another process runs this pipeline.
      PenstockError: the workdir cannot be written to, or the metadata store does not answer.
    """
    with clear_errors_of(workdir), hold(workdir.lock):
        _check_disk(workdir)
        run_id = new_run_id()
        divert_output(workdir.logs / run_id / "penstock.log")
        connection = connection_config(config.metadata, workdir)
        _apart(lambda: _prepare(Lineage(connection, config.name), workdir, options), workdir.logs / run_id)
        watcher.announce("loading TFX …")
        with quick_imports(*left_out(config)):
            steps, work = _compile(config, workdir, options, run_id, connection, warm)
        error = _run_steps(steps, work, workdir.logs / run_id, watcher)
        try:
            lineage = Lineage(connection, config.name)
            lineage.end_interrupted()
            summary = _sum_up(lineage, run_id, config, workdir, error)
        except PenstockError:  # the store is lost: if a step failed for that, its error says so too, and what to do
            if error is None:
                raise
            return Result(None, error)
    if isinstance(error, Interrupted) and summary and summary.state is State.DONE:
        error = None  # the last step had ended before it could be stopped
    return Result(summary, error or _refusal(summary))


def _compile(
    config: Config, workdir: Workdir, options: Options, run_id: str, connection: Any, warm: Warm
) -> tuple[tuple[Step, ...], Work]:
    """Imports TFX, and returns the steps and what runs one of them."""
    from pipeline.child import Outcome
    from pipeline.compiled import Compiled
    from pipeline.dag import create_pipeline
    from pipeline.executors import operators

    pipeline = create_pipeline(
        config,
        str(workdir.root),
        str(workdir.serving(config.model_name)),
        str(workdir.blessed),
        connection,
        beam_args(config),
        enable_cache=options.cache,
    )
    compiled = Compiled(pipeline, run_id)

    def work(step: str) -> Outcome:
        log = workdir.logs / run_id / f"{step}.log"
        with answering(connection, RESUME):
            compiled.launcher(step, connection, operators(warm, log)).launch()
        lineage = Lineage(connection, config.name)
        done = lineage.step(run_id, step)
        if done is None:
            return Outcome(note="skipped")
        if done.state is State.FAILED:  # of which TFX's launcher says nothing
            raise StepFailed(f"TFX did not find what the step reads. The log is {log}")
        if done.state is State.DONE:
            lineage.stamp_seconds(done)
        return Outcome(done.state is State.CACHED, note_of(lineage.outputs(done.execution_id).values()))

    return compiled.steps, work


def _run_steps(steps: tuple[Step, ...], work: Work, logs: Path, watcher: Watcher) -> PenstockError | None:
    logs.mkdir(parents=True, exist_ok=True)
    with StopRequest() as stop:
        return LocalRun(steps, work, logs, watcher, stop).run()


def _sum_up(
    lineage: Lineage, run_id: str, config: Config, workdir: Workdir, error: PenstockError | None
) -> Summary | None:
    """The summary of a run that left a trace, and its report."""
    record = lineage.run(run_id)
    if record is None:
        return None
    from pipeline.report import publish_report

    parts = parts_of_steps(outputs_of(lineage, record))
    return publish_report(summarize(lineage, record, config), parts, workdir, error)


def _prepare(lineage: Lineage, workdir: Workdir, options: Options) -> None:
    """Tidies what a killed run left, and checks that there is something to resume."""
    lineage.end_interrupted()
    if not options.cache:
        shutil.rmtree(workdir.root / "checkpoints", ignore_errors=True)
    if options.resume:
        last = lineage.latest()
        if last and last.state is State.DONE:
            raise UsageError(f"The last run, {last.run_id}, went through: nothing to resume. Run it without --resume.")


def _apart(work: Callable[[], None], logs: Path) -> None:
    """Does a piece of work in a process of its own.

    What has used gRPC, which a connection to a metadata server does, can fork no more; and each step will be forked.
    """
    from pipeline.child import Child, Outcome

    def whole() -> Outcome:
        work()
        return Outcome()

    logs.mkdir(parents=True, exist_ok=True)
    child = Child(whole, logs / "penstock.log")
    try:
        outcome = child.read()
    finally:
        child.kill()  # also when Ctrl-C ends the wait for a store
    assert isinstance(outcome, Outcome)
    if outcome.error:
        raise outcome.error


def _refusal(summary: Summary | None) -> PenstockError | None:
    return summary.refusal if summary else PenstockError("The run left no trace in the metadata store.")


def _check_disk(workdir: Workdir) -> None:
    free = shutil.disk_usage(workdir.path).free // MIB
    if free < FREE_MIB_NEEDED:
        raise PenstockError(
            f"{workdir.path}: the disk has {free} MiB free, and a run needs at least {FREE_MIB_NEEDED}. "
            "Free some space, or put the run elsewhere with --workdir."
        )
