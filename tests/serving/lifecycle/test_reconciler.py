from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.server.lifecycle.fakes import FakeLoad, FakeSession
from serving.server.lifecycle.loading import Loader
from serving.server.lifecycle.lookup import Directory, Use
from serving.server.lifecycle.reconciler import Reconciler
from serving.server.lifecycle.states import State, StateLog
from serving.server.lifecycle.version import Version
from serving.server.status import not_found
from tests.serving.lifecycle.worlds import eventually, finishes, spec


class Stage:
    """A reconciler, with all that it reads and writes."""

    def __init__(self, load: FakeLoad, directory: Directory | None = None) -> None:
        self.load = load
        self.directory = directory or Directory()
        self.states = StateLog()
        loader = Loader(load, 0, 0, threading.Semaphore(8), threading.Event.wait)
        self.reconciler = Reconciler(loader, self.directory, self.states)

    def aspire(self, *numbers: int) -> None:
        """Wants these versions of m."""
        self.reconciler.aspire("m", {number: Path(str(number)) for number in numbers})

    @property
    def available(self) -> set[int]:
        """The versions of m that can be looked up."""
        return set(self.directory.models["m"].by_number) if "m" in self.directory.models else set()

    def state(self, number: int) -> State:
        """Returns the state of a version as it is published."""
        return self.states.of("m")[number].state

    def reaches(self, number: int, state: State) -> None:
        """Returns when a version has come to a state."""
        eventually(lambda: number in self.states.of("m") and self.state(number) is state)


@pytest.fixture
def stage(load: FakeLoad) -> Iterator[Stage]:
    """A reconciler that has nothing to do."""
    stage = Stage(load)
    yield stage
    finishes(stage.reconciler.stop)


def test_a_new_version_is_loaded_before_the_old_one_goes(stage: Stage) -> None:
    """While version 2 loads, version 1 is available; then version 2 is, and version 1 ends."""
    stage.aspire(1)
    stage.reaches(1, State.AVAILABLE)
    held = stage.load.hold("m", 2)
    stage.aspire(2)
    eventually(lambda: ("m", 2) in stage.load.calls)
    assert (stage.state(1), stage.state(2), stage.available) == (State.AVAILABLE, State.LOADING, {1})
    held.set()
    stage.reaches(1, State.END)
    assert (stage.state(2), stage.available) == (State.AVAILABLE, {2})


def test_a_version_that_fails_leaves_the_old_one_serving(stage: Stage) -> None:
    """Its end and its error are published, and the old version does not go."""
    stage.aspire(1)
    stage.reaches(1, State.AVAILABLE)
    stage.load.fail("m", 2, not_found("no such graph"))
    stage.aspire(2)
    stage.reaches(2, State.END)
    error = stage.states.of("m")[2].error
    assert error is not None
    assert error.message == "no such graph"
    assert stage.available == {1}


def test_a_rollback_keeps_what_still_serves(stage: Stage) -> None:
    """Version 1, which served on because version 2 failed, is wanted again and need not be loaded again."""
    stage.aspire(1)
    stage.reaches(1, State.AVAILABLE)
    stage.load.fail("m", 2, not_found("broken"))
    stage.aspire(2)
    stage.reaches(2, State.END)
    stage.aspire(1)
    assert stage.available == {1}
    assert stage.load.calls == [("m", 1), ("m", 2)]


def test_a_failed_version_is_tried_again_only_when_it_is_wanted_anew(stage: Stage) -> None:
    """As long as it is wanted, its error stands; left out once and then wanted, it is loaded."""
    stage.load.fail("m", 1, not_found("half copied"))
    stage.aspire(1)
    stage.reaches(1, State.END)
    stage.aspire(1)
    assert stage.load.calls == [("m", 1)]
    stage.aspire()
    stage.aspire(1)
    stage.reaches(1, State.AVAILABLE)


def test_an_unload_waits_for_requests(stage: Stage) -> None:
    """A version in use is UNLOADING, out of the directory and not closed; the last request lets it end."""
    stage.aspire(1)
    stage.reaches(1, State.AVAILABLE)
    with Use(stage.directory, spec("m")) as servable:
        stage.aspire()
        stage.reaches(1, State.UNLOADING)
        eventually(lambda: not stage.available)
        assert isinstance(servable.session, FakeSession)
        assert not servable.session.closed
    stage.reaches(1, State.END)
    assert servable.session.closed


def test_a_version_wanted_again_while_it_goes_is_loaded_after(stage: Stage) -> None:
    """It comes back once its old self has ended."""
    stage.aspire(1)
    stage.reaches(1, State.AVAILABLE)
    with Use(stage.directory, spec("m")):
        stage.aspire()
        stage.reaches(1, State.UNLOADING)
        stage.aspire(1)
        assert stage.load.calls == [("m", 1)]
    stage.reaches(1, State.AVAILABLE)
    assert stage.load.calls == [("m", 1)] * 2


def test_a_load_that_nobody_wants_any_more_ends_in_an_unload(stage: Stage) -> None:
    """TensorFlow cannot be stopped half way, so the version is closed as soon as it is there."""
    held = stage.load.hold("m", 1)
    stage.aspire(1)
    eventually(lambda: stage.load.calls)
    stage.aspire()
    held.set()
    stage.reaches(1, State.END)
    eventually(lambda: all(one.session.closed for one in stage.load.loaded))  # type: ignore[attr-defined]  # FakeSession


def test_a_load_that_was_cancelled_and_wanted_again_begins_anew(stage: Stage) -> None:
    """Though it fails, its error does not count: it had been told to give up."""
    held = stage.load.hold("m", 1)
    stage.load.fail("m", 1, not_found("half copied"))
    stage.aspire(1)
    eventually(lambda: stage.load.calls)
    stage.aspire()
    stage.aspire(1)
    held.set()
    stage.reaches(1, State.AVAILABLE)
    assert stage.load.calls == [("m", 1)] * 2


def test_an_older_version_that_is_wanted_takes_the_place_of_a_newer_one(stage: Stage) -> None:
    """Rolling back loads the old version first, then unloads the new one."""
    stage.aspire(2)
    stage.reaches(2, State.AVAILABLE)
    stage.aspire(1)
    stage.reaches(2, State.END)
    assert stage.available == {1}


def test_stop_leaves_nothing_loaded(stage: Stage) -> None:
    """It returns after the last version has been closed."""
    stage.aspire(1, 2, 3)
    eventually(lambda: stage.available == {1, 2, 3})
    finishes(stage.reconciler.stop)
    assert stage.available == set()
    assert all(one.session.closed for one in stage.load.loaded)  # type: ignore[attr-defined]  # FakeSession


class Witness(Directory):
    """Takes down how many versions each change has left."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def replace(self, name: str, versions: Mapping[int, Version]) -> None:
        self.counts.append(len(versions))
        super().replace(name, versions)


NUMBERS = st.sets(st.integers(1, 4), min_size=1)


@settings(deadline=None)
@given(NUMBERS, st.lists(NUMBERS, max_size=8), st.sets(st.integers(1, 4)))
def test_some_version_is_always_available(first: set[int], then: list[set[int]], broken: set[int]) -> None:
    """With real threads, whatever is wanted next and whatever fails: a model that answers goes on answering."""
    load = FakeLoad()
    directory = Witness()
    stage = Stage(load, directory)
    stage.aspire(*first)
    eventually(lambda: stage.available == first)
    for number in broken:
        load.fail("m", number, not_found("broken"), times=1000)
    for aspired in then:
        stage.aspire(*aspired)
    assert min(directory.counts) > 0
    wanted = then[-1] if then else first
    eventually(lambda: all(state is not State.LOADING for state in map(stage.state, stage.states.of("m"))))
    eventually(lambda: stage.available >= wanted - broken)
    assert min(directory.counts) > 0
    finishes(stage.reconciler.stop)
    assert all(one.session.closed for one in load.loaded)  # type: ignore[attr-defined]  # FakeSession
