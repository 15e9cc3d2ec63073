from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.config.file_system_storage_path_source_pb2 import FileSystemStoragePathSourceConfig

from serving.server.lifecycle.policy import Action, Snapshot, Verb, missing, next_action, wanted
from serving.server.lifecycle.states import State

VERSIONS = st.sets(st.integers(-(2**63), 2**63 - 1), max_size=8)
NEW, LOADING, READY, UNLOADING, END = State


def policy(text: str) -> Any:
    """Returns a ServableVersionPolicy."""
    return text_format.Parse(text, FileSystemStoragePathSourceConfig.ServableVersionPolicy())


@given(VERSIONS, st.integers(0, 10))
def test_latest_wants_the_highest_versions(versions: set[int], count: int) -> None:
    """The latest n are the n highest numbers, at least one, and never more than there are."""
    chosen = wanted(versions, policy(f"latest {{ num_versions: {count} }}"))
    assert len(chosen) == min(len(versions), max(count, 1))
    assert all(one > other for one in chosen for other in versions - chosen)


@given(VERSIONS)
def test_the_default_is_the_latest_version(versions: set[int]) -> None:
    """No policy, and a latest without a number, want the highest version."""
    assert wanted(versions, policy("")) == wanted(versions, policy("latest {}")) == set(sorted(versions)[-1:])


@given(VERSIONS)
def test_all_wants_all_versions(versions: set[int]) -> None:
    """The policy `all` wants what is there."""
    assert wanted(versions, policy("all {}")) == versions


@given(VERSIONS, VERSIONS)
def test_specific_wants_what_it_names_and_tells_what_is_missing(versions: set[int], named: set[int]) -> None:
    """Each version that a specific policy names is either wanted or missing, and nothing else is wanted."""
    specific = policy("specific {}")
    specific.specific.versions.extend(named)
    chosen, lost = wanted(versions, specific), missing(versions, specific)
    assert chosen <= versions
    assert chosen | set(lost) == named
    assert not chosen & set(lost)
    assert not versions & set(lost)


@pytest.mark.parametrize(
    ("versions", "action"),
    [
        ([(1, UNLOADING, 0), (2, END, 0), (3, READY, 1), (4, NEW, 1), (5, NEW, 1)], Action(Verb.LOAD, 5)),
        ([(1, UNLOADING, 0), (2, END, 0), (3, READY, 0), (4, READY, 1), (5, NEW, 1)], Action(Verb.UNLOAD, 3)),
        ([(1, END, 0), (2, READY, 0), (3, END, 0)], Action(Verb.UNLOAD, 2)),
        ([(1, READY, 1), (2, END, 1), (3, LOADING, 1), (4, UNLOADING, 0), (5, END, 0)], None),
        ([(1, READY, 0), (2, LOADING, 1)], None),
        ([(1, READY, 0), (2, END, 1)], None),
        ([(1, READY, 0), (2, LOADING, 1), (3, READY, 1)], Action(Verb.UNLOAD, 1)),
        ([(1, READY, 0), (2, END, 1), (3, READY, 1)], Action(Verb.UNLOAD, 1)),
        ([(2, READY, 0), (1, READY, 0), (3, END, 1), (4, LOADING, 1)], Action(Verb.UNLOAD, 1)),
    ],
)
def test_it_does_as_upstreams_tests_say(versions: list[tuple[int, State, int]], action: Action | None) -> None:
    """The nine cases of core/availability_preserving_policy_test.cc."""
    assert next_action([Snapshot(number, state, bool(aspired)) for number, state, aspired in versions]) == action


class World:
    """Versions of a model whose loads and unloads end when the test wants it; some of them cannot be loaded."""

    def __init__(self, broken: set[int]) -> None:
        self.broken = broken
        self.versions: dict[int, Snapshot] = {}

    @property
    def available(self) -> set[int]:
        return {number for number, one in self.versions.items() if one.state is READY}

    def aspire(self, aspired: set[int]) -> None:
        """Wants other versions."""
        self.versions = {
            number: replace(one, aspired=number in aspired)
            for number, one in self.versions.items()
            if number in aspired or one.state not in {NEW, END}
        }
        for number in aspired - self.versions.keys():
            self.versions[number] = Snapshot(number, NEW, aspired=True)

    def move(self, number: int, state: State) -> None:
        self.versions[number] = replace(self.versions[number], state=state)

    def act(self) -> bool:
        """Takes the next action, and tells whether there was one."""
        if action := next_action(self.versions.values()):
            self.move(action.number, LOADING if action.verb is Verb.LOAD else UNLOADING)
        return action is not None

    def finish(self, pick: Callable[[list[int]], int]) -> None:
        """Ends one of the loads or unloads that go on."""
        if busy := sorted(number for number, one in self.versions.items() if one.state in {LOADING, UNLOADING}):
            one = self.versions[pick(busy)]
            if one.state is LOADING:
                self.move(one.number, END if one.number in self.broken else READY)
            else:
                del self.versions[one.number]
                self.aspire({number for number, other in [*self.versions.items(), (one.number, one)] if other.aspired})


@given(st.data())
def test_what_was_available_once_stays_so(data: st.DataObject) -> None:
    """Whatever fails and whenever it ends: while any version is aspired, the last available one is not given up."""
    numbers = st.integers(1, 5)
    world = World(data.draw(st.sets(numbers, max_size=3)))
    for step in data.draw(st.lists(st.sampled_from(["aspire", "act", "finish"]), max_size=60)):
        before = world.available
        if step == "aspire":
            world.aspire(data.draw(st.sets(numbers, min_size=1)))
        elif step == "act":
            world.act()
        else:
            world.finish(lambda busy: data.draw(st.sampled_from(busy)))
        assert world.available or not before


@given(st.data())
def test_it_ends_with_what_is_wanted(data: st.DataObject) -> None:
    """Left alone, it serves the aspired versions that can be loaded and no others; if none can, what it served."""
    numbers = st.integers(1, 5)
    world = World(data.draw(st.sets(numbers)))
    for aspired in data.draw(st.lists(st.sets(numbers), min_size=1)):
        before = world.available
        world.aspire(aspired)
        while world.act() or any(one.state in {LOADING, UNLOADING} for one in world.versions.values()):
            world.finish(min)
    good = aspired - world.broken
    assert (world.available == good) if good or not aspired else (world.available <= before)
