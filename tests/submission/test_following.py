from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.steps import State, StepStatus
from pipeline.submission.following import Patience, follow
from pipeline.submission.orders import Standing
from schema.errors import Interrupted, PenstockError
from tests.submission.samples import Recorder

PAGE = "https://kf.example.com/#/runs/details/1"
SOON = Patience(poll=0.001)


def _standing(a: State, b: State, *, is_finished: bool = False) -> Standing:
    return Standing(is_finished, "SUCCEEDED" if is_finished else "RUNNING", [StepStatus("a", a), StepStatus("b", b)])


def _looks(*found: Standing | BaseException) -> Callable[[], Standing]:
    rest = iter(found)

    def look() -> Standing:
        one = next(rest)
        if isinstance(one, BaseException):
            raise one
        return one

    return look


def test_each_change_is_told_once() -> None:
    """The watcher is told of a step when its state changes, and of the time that passes each time."""
    watcher = Recorder()
    running = _standing(State.RUNNING, State.WAITING)
    end = _standing(State.CACHED, State.DONE, is_finished=True)
    assert follow(_looks(running, running, end), watcher, SOON, PAGE) is end
    assert watcher.told == [("a", State.RUNNING), ("a", State.CACHED), ("b", State.DONE)]
    assert watcher.ticks == 3


def test_a_run_that_takes_too_long_goes_on() -> None:
    """After the time-out the state and the page are told, and that the run goes on."""
    looks = _looks(*[_standing(State.RUNNING, State.WAITING)] * 1000)
    with pytest.raises(PenstockError, match=f"The run is running after --timeout, and goes on: {PAGE}"):
        follow(looks, Recorder(), Patience(timeout=0.01, poll=0.005), PAGE)


def test_ctrl_c_leaves_the_run() -> None:
    """Ctrl-C ends the following, and tells where the run goes on."""
    looks = _looks(_standing(State.RUNNING, State.WAITING), KeyboardInterrupt())
    with pytest.raises(Interrupted, match=f"The run goes on: {PAGE}"):
        follow(looks, Recorder(), SOON, PAGE)


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    """Two answers in a row may be missing; where the third is too, its error and the page are told."""
    away = PenstockError("http://h: cannot be reached.")
    end = _standing(State.DONE, State.DONE, is_finished=True)
    assert follow(_looks(away, away, end), Recorder(), SOON, PAGE) is end
    with pytest.raises(PenstockError, match=rf"cannot be reached\. The run may go on: {PAGE}"):
        follow(_looks(away, away, away), Recorder(), SOON, PAGE)
