"""What each command does, between the command line and the code that does it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.chatter import Screen
from pipeline.config import Config
from schema.errors import PenstockError, UsageError

Files = tuple[Path, ...]
Settings = tuple[str, ...]


def run(
    screen: Screen,
    config: Files,
    settings: Settings,
    workdir: Path | None,
    runner: str | None,
    *,
    resume: bool,
    no_cache: bool,
    as_json: bool,
    parameters: tuple[str, ...] = (),
) -> int:
    """Runs the pipeline and shows what it came to; returns the exit code of a run that pushed."""
    if not config:
        raise UsageError("Name a configuration, CONFIG…, or a compiled pipeline, --spec FILE.")
    if parameters:
        raise UsageError("--parameter goes with --spec: a configuration is changed with --set KEY=VALUE.")
    loaded = _load(config, (*settings, *([f"runner.name={runner}"] if runner else [])))
    from pipeline.light import stay_light
    from pipeline.warm import warm_for

    with warm_for(loaded) as warm:
        stay_light()
        _check(loaded)
        from pipeline.display import console_for, show_summary, steps_watcher
        from pipeline.run import Options
        from pipeline.run import run as run_pipeline
        from pipeline.workdir import workdir_of

        console = console_for(screen.err if as_json else screen.out)
        place = workdir_of(loaded.name, workdir)
        with steps_watcher(console) as watcher:
            result = run_pipeline(loaded, place, Options(resume, not no_cache), watcher, screen.divert, warm)
    if result.summary:
        show_summary(console, result.summary, _as_typed(config, workdir))
        if as_json:
            _print_json(screen, result.summary.as_json() | {"error": str(result.error) if result.error else None})
    if result.error:
        raise result.error
    return 0


def run_spec(
    screen: Screen,
    spec: Path,
    parameters: tuple[str, ...],
    config: Files,
    settings: Settings,
    workdir: Path | None,
    runner: str | None,
    *,
    resume: bool,
    no_cache: bool,
    as_json: bool,
) -> int:
    """Runs a compiled pipeline and shows what it came to; returns the exit code of a run that succeeded.

    Raises:
      UsageError: there is an argument that a compiled pipeline leaves no room for.
    """
    others = {"CONFIG…": config, "--set": settings, "--runner": runner, "--resume": resume}
    if refused := [name for name, given in others.items() if given]:
        raise UsageError(
            f"{', '.join(refused)} cannot stand beside --spec: a compiled pipeline is run as it is. Its parameters are "
            "set with --parameter NAME=VALUE, and what it has done and may be cached is not done twice."
        )
    from pipeline.spec.command import run_spec as run_the_spec

    return run_the_spec(screen, spec, parameters, workdir, no_cache=no_cache, as_json=as_json)


def validate(
    screen: Screen, config: Files, settings: Settings, workdir: Path | None, target: str, *, as_json: bool
) -> None:
    """Checks the YAML, the schema and the DAG, and what the target cannot run."""
    loaded = _load_checked(config, settings) if target == "local" else _load(config, settings)
    screen.divert(Path(os.devnull))
    steps = _local_steps(loaded, workdir) if target == "local" else _steps_elsewhere(loaded, target)
    if as_json:
        _print_json(screen, {"pipeline": loaded.name, "target": target, "valid": True, "steps": steps})
    else:
        where = "" if target == "local" else f" for {target}"
        _print(screen, [f"{loaded.name}: valid{where}. {len(steps)} steps: {' → '.join(steps)}"])


def _local_steps(config: Config, workdir: Path | None) -> list[str]:
    from pipeline.compiled import Compiled
    from pipeline.dag import create_pipeline
    from pipeline.metadata import connection_config
    from pipeline.options import check_user_code
    from pipeline.runners import beam_args
    from pipeline.workdir import workdir_of

    check_user_code(config)
    place = workdir_of(config.name, workdir)
    connection = connection_config(config.metadata, place)
    destination, blessed = str(place.serving(config.model_name)), str(place.blessed)
    dag = create_pipeline(config, str(place.root), destination, blessed, connection, beam_args(config))
    return [step.name for step in Compiled(dag, "validation").steps]


def _steps_elsewhere(config: Config, target: str) -> list[str]:
    from pipeline.targets.command import rendered
    from pipeline.targets.elsewhere import dag

    rendered(config, target)
    return [node.id for node in dag(config, "/").components]


def list_runs(screen: Screen, config: Files, settings: Settings, workdir: Path | None, *, as_json: bool) -> None:
    """Prints the runs, the latest first."""
    lineage, _ = _lineage(screen, config, settings, workdir)
    records = lineage.runs()
    if as_json:
        rows = [
            {"run_id": record.run_id, "state": record.state, "began": _iso(record.began), "ended": _iso(record.ended)}
            for record in records
        ]
        _print_json(screen, rows)
        return
    from rich.table import Table

    from pipeline.display import console_for

    table = Table("run", "state", "began", "seconds", "steps", box=None, padding=(0, 2))
    for record in records:
        seconds = f"{(record.ended - record.began) / 1000:.1f}"
        cached = sum(step.state == "cached" for step in record.steps.values())
        steps = f"{len(record.steps)}, {cached} cached" if cached else str(len(record.steps))
        table.add_row(record.run_id, record.state, _iso(record.began), seconds, steps)
    console_for(screen.out).print(table if records else "no run yet")


def show_run(
    screen: Screen, config: Files, settings: Settings, workdir: Path | None, run_id: str | None, *, as_json: bool
) -> None:
    """Prints one run."""
    lineage, loaded = _lineage(screen, config, settings, workdir)
    record = lineage.run(run_id) if run_id else lineage.latest()
    if record is None:
        records = lineage.runs()
        known = ", ".join(record.run_id for record in records[:5]) or "none yet"
        raise UsageError(f"There is no run {run_id or ''} of {loaded.name!r}. The latest runs: {known}.")
    from pipeline.light import stay_light

    stay_light()
    from pipeline.display import console_for, show_summary, steps_table
    from pipeline.report import with_report
    from pipeline.summary import summarize
    from pipeline.workdir import workdir_of

    place = workdir_of(loaded.name, workdir)
    screen.divert(place.logs / "show.log")
    summary = with_report(summarize(lineage, record, loaded), place)
    if as_json:
        _print_json(screen, summary.as_json())
        return
    console = console_for(screen.out)
    console.print(f"run {summary.run_id}, {summary.state}, began {summary.began}", highlight=False)
    console.print(steps_table(summary.steps))
    show_summary(console, summary, _as_typed(config, workdir), every_slice=True)


def doctor(screen: Screen, *, as_json: bool) -> None:
    """Prints what this machine has and lacks.

    Raises:
      PenstockError: something lacks that a run needs.
    """
    from dataclasses import asdict

    from pipeline.doctor import diagnose

    checks = diagnose()
    if as_json:
        _print_json(screen, [asdict(check) for check in checks])
    else:
        _print_checks(screen, checks)
    lacking = [check.name for check in checks if check.needed and not check.is_well]
    if lacking:
        raise PenstockError(f"A run needs what is lacking here: {', '.join(lacking)}.")


def _print_checks(screen: Screen, checks: Iterable[Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.display import console_for

    table = Table.grid(padding=(0, 2))
    for check in checks:
        mark = ("✓", "green") if check.is_well else ("✗", "red") if check.needed else ("–", "yellow")
        table.add_row(
            Text(*mark), check.name, Text.assemble(check.found, "\n" * bool(check.advice), (check.advice, "dim"))
        )
    console_for(screen.out).print(table)


def _lineage(screen: Screen, config: Files, settings: Settings, workdir: Path | None) -> tuple[Any, Config]:
    loaded = _load(config, settings)
    from pipeline.lineage import Lineage
    from pipeline.metadata import connection_config
    from pipeline.workdir import workdir_of

    screen.divert(Path(os.devnull))  # the drivers of databases say what they do
    place = workdir_of(loaded.name, workdir)
    if loaded.metadata.backend == "sqlite" and not place.metadata.exists():
        raise UsageError(f"{place.path}: {loaded.name!r} has not run there. Another --workdir?")
    return Lineage(connection_config(loaded.metadata, place), loaded.name), loaded


def _as_typed(files: Files, workdir: Path | None) -> str:
    """The words that name the pipeline in a next command."""
    return " ".join([*map(str, files), *(["--workdir", str(workdir)] if workdir else [])])


def _load(files: Files, settings: Settings) -> Config:
    from pipeline.loading import load

    return load(files, settings)


def _load_checked(files: Files, settings: Settings) -> Config:
    loaded = _load(files, settings)
    _check(loaded)
    return loaded


def _check(config: Config) -> None:
    from pipeline.preflight import check_files

    check_files(config)


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().isoformat(sep=" ", timespec="seconds")


def _print(screen: Screen, lines: Iterable[str]) -> None:
    for line in lines:
        screen.out.write(f"{line}\n")
    screen.out.flush()


def _print_json(screen: Screen, value: Any) -> None:
    _print(screen, [json.dumps(value, ensure_ascii=False, default=dict)])
