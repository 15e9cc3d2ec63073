"""The local runner: TFX's portable launcher, one forked process a step, steps with no edge between them together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from pipeline.child import Child, Note, Outcome
from pipeline.steps import SETTLED, State, Step, StepStatus, Watcher
from pipeline.stopping import StopRequest
from schema.errors import Interrupted, PenstockError

TICK_SECONDS = 0.2
Work = Callable[[str], Outcome]


class LocalRun:
    """One run of a DAG's steps.

    Args:
      steps: the steps, each after those that it needs.
      work: runs a step; called in a process of its own.
      logs: the folder in which each step's output becomes a file.
      watcher: is told how the steps stand.
      stop: asked whether the run is to end.
      at_once: how many steps may run together.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        work: Work,
        logs: Path,
        watcher: Watcher,
        stop: StopRequest,
        at_once: int = os.cpu_count() or 1,
    ) -> None:
        self._steps, self._work, self._logs, self._watcher = steps, work, logs, watcher
        self._stop, self._at_once = stop, at_once
        self._steps_by_name = {step.name: step for step in steps}
        self._began: dict[str, float] = {}
        self._children: dict[str, Child] = {}
        self._status = {step.name: StepStatus(step.name) for step in steps}
        self._errors: list[PenstockError] = []

    def run(self) -> PenstockError | None:
        """Runs the steps as soon as what they need is done. After a failure those that already run are let end.

        Returns:
          The error of the first step that failed, or that the run was stopped; the running steps have then been ended.
        """
        self._start_ready()
        while self._children and not self._stop.requested:
            self._listen()
            self._start_ready()
        if self._stop.requested and not all(status.state in SETTLED for status in self._statuses):
            self._end(list(self._children), State.INTERRUPTED)
            self._errors.append(Interrupted("The run was stopped. With --resume it goes on from where it was."))
        return self._errors[0] if self._errors else None

    def _start_ready(self) -> None:
        for step in self._steps:
            if self._stop.requested or len(self._children) >= self._at_once:
                return
            if self._status[step.name].state is State.WAITING and self._is_ready(step):
                self._start(step.name)

    def _is_ready(self, step: Step) -> bool:
        if not step.is_last:
            return not self._errors and all(self._status[name].state in SETTLED for name in step.upstream)
        return not any(self._is_to_end(self._steps_by_name[name]) for name in step.upstream)

    def _is_to_end(self, step: Step) -> bool:
        """Whether a step runs, or is still to run: after an error only an exit handler is."""
        state = self._status[step.name].state
        return state is State.RUNNING or (state is State.WAITING and (step.is_last or not self._errors))

    def _start(self, name: str) -> None:
        self._began[name] = time.monotonic()
        self._children[name] = Child(lambda: self._work(name), self._logs / f"{name}.log")
        self._change(name, State.RUNNING)

    def _listen(self) -> None:
        by_pipe = {child.messages: name for name, child in self._children.items()}
        ready = wait(list(by_pipe), TICK_SECONDS)
        for name in self._children:
            self._status[name].seconds = time.monotonic() - self._began[name]
        for pipe in ready:
            self._hear(by_pipe[pipe])  # type: ignore[index]  # wait returns what it was given
        self._watcher.tick(self._statuses)

    def _hear(self, name: str) -> None:
        message = self._children[name].read()
        if isinstance(message, Note):
            self._change(name, State.RUNNING, message.text)
            return
        self._children.pop(name).join()
        if message.error:
            self._errors.append(message.error)
            self._change(name, State.FAILED, next(iter(str(message.error).splitlines()), ""))
        else:
            self._change(name, _state_of(message), message.note)

    def _end(self, names: Sequence[str], state: State) -> None:
        for name in names:
            self._children.pop(name).kill()
            self._change(name, state)

    def _change(self, name: str, state: State, note: str | None = None) -> None:
        status = self._status[name]
        status.state = state
        status.note = status.note if note is None else note
        self._watcher.changed(status, self._statuses)

    @property
    def _statuses(self) -> list[StepStatus]:
        return list(self._status.values())


def _state_of(outcome: Outcome) -> State:
    if outcome.skipped:
        return State.SKIPPED
    return State.CACHED if outcome.cached else State.DONE
