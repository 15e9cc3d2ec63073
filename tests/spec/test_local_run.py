from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.child import Outcome
from pipeline.local import LocalRun
from pipeline.steps import State, Step
from pipeline.stopping import StopRequest
from schema.errors import DataAnomaly
from tests.spec.running import Silent

HANDLED = (
    Step("a", ()),
    Step("b", ("a",)),
    Step("bye", ("a", "b"), is_last=True),
    Step("after", ("bye",)),
    Step("last", ("after",), is_last=True),
)


@pytest.mark.parametrize(
    ("failing", "states"),
    [
        ("", ["done", "done", "done", "done", "done"]),
        ("a", ["failed", "waiting", "done", "waiting", "done"]),
        ("b", ["done", "failed", "done", "waiting", "done"]),
        ("bye", ["done", "done", "failed", "waiting", "done"]),
    ],
)
def test_an_exit_handler_runs_when_nothing_else_will(tmp_path: Path, failing: str, states: list[str]) -> None:
    """An exit handler begins when what it waits for has ended or will not begin, behind another one, too."""
    watcher = Silent()

    def work(step: str) -> Outcome:
        if step == failing:
            raise DataAnomaly(step)
        return Outcome()

    error = LocalRun(HANDLED, work, tmp_path, watcher, StopRequest()).run()
    assert (str(error) if error else "") == failing
    assert watcher.states == dict(zip([step.name for step in HANDLED], states, strict=True))


def test_a_skipped_step_holds_up_no_other(tmp_path: Path) -> None:
    """A step that was skipped is told as that, with why, and what comes after it begins."""
    watcher = Silent()
    steps = (Step("a", ()), Step("b", ("a",)))
    assert (
        LocalRun(steps, lambda step: Outcome(skipped=step == "a", note=step), tmp_path, watcher, StopRequest()).run()
        is None
    )
    assert watcher.states == {"a": State.SKIPPED, "b": State.DONE}
    assert ("a", "a") in watcher.notes
