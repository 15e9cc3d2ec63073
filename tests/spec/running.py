"""Runs a draft in this process, and lets a test look at what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.spec.loading import load
from pipeline.spec.run import Options, Result, run
from pipeline.steps import State, StepStatus
from pipeline.workdir import Workdir


class Silent:
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.announced: list[str] = []
        self.notes: list[tuple[str, str]] = []
        self.states: dict[str, State] = {}

    def announce(self, text: str) -> None:
        """Remembers it."""
        self.announced.append(text)

    def changed(self, status: StepStatus, statuses: Sequence[StepStatus]) -> None:
        """Remembers the note, and how all stand."""
        self.notes.append((status.name, status.note))
        self.states = {one.name: one.state for one in statuses}

    def tick(self, statuses: Sequence[StepStatus]) -> None:
        """Time is not looked at."""


class Ran:
    """A run of a spec: its result, and the files that it left."""

    def __init__(self, file: Path, workdir: Path, *parameters: str, cache: bool = True) -> None:
        spec = load(file)
        self.watcher = Silent()
        self.place = Workdir(workdir / spec.name)
        self.result: Result = run(spec, self.place, Options(parameters, cache), self.watcher, lambda _: None)
        self.error = self.result.error
        self.summary = self.result.summary

    @property
    def states(self) -> dict[str, State]:
        """How each step ended."""
        return {step.name: step.state for step in self.summary.steps}

    def note(self, step: str) -> str:
        """The last note of a step."""
        return next(one.note for one in self.summary.steps if one.name == step)

    def log(self, step: str) -> str:
        """What a step wrote, without what gRPC says of a fork of this process, in which other tests have used it."""
        log = (self.place.logs / self.summary.run_id / f"{step}.log").read_text(encoding="utf-8")
        return "".join(line for line in log.splitlines(keepends=True) if "ev_epoll1_linux.cc" not in line)

    def path(self, step: str, key: str) -> Path:
        """Where an artifact of a step lies."""
        return Path(self.summary.artifacts[step][key]["path"])
