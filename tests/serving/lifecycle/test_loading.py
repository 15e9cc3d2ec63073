from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.server.lifecycle.fakes import FakeLoad, FakeTime
from serving.server.lifecycle.loading import Loader
from serving.server.lifecycle.version import Version
from serving.server.status import StatusError, not_found
from tests.serving.lifecycle.worlds import eventually, refusal

INTERVAL = 60.0


@pytest.fixture
def loader(load: FakeLoad, time: FakeTime) -> Loader:
    """Loads one version at a time, with two retries, a minute apart."""
    return Loader(load, 2, INTERVAL, threading.Semaphore(1), time.wait)


@pytest.fixture
def version() -> Version:
    """Version 7 of m."""
    return Version("m", 7, Path("/m/7"))


class Attempt:
    """A load on a thread of its own."""

    def __init__(self, loader: Loader, version: Version) -> None:
        self._loader = loader
        self._version = version
        self.error: StatusError | None = None

    def __call__(self) -> None:
        try:
            self._loader(self._version)
        except StatusError as error:
            self.error = error


def test_it_tries_again_after_the_interval(
    loader: Loader, load: FakeLoad, time: FakeTime, version: Version, run: Callable[..., threading.Thread]
) -> None:
    """A load that fails twice is there at the third try, and not before two minutes."""
    load.fail("m", 7, not_found("half copied"), times=2)
    attempt = Attempt(loader, version)
    thread = run(attempt)
    time.advance(INTERVAL)
    assert thread.is_alive()
    time.advance(INTERVAL)
    thread.join(30)
    assert attempt.error is None
    assert (len(load.calls), len(load.loaded)) == (3, 1)


def test_it_gives_up_after_the_last_retry(
    loader: Loader, load: FakeLoad, time: FakeTime, version: Version, run: Callable[..., threading.Thread]
) -> None:
    """Two retries make three tries; the error is the last one's."""
    for word in ("first", "second", "third"):
        load.fail("m", 7, not_found(word))
    attempt = Attempt(loader, version)
    thread = run(attempt)
    time.advance(INTERVAL)
    time.advance(INTERVAL)
    thread.join(30)
    assert attempt.error is not None
    assert attempt.error.message == "third"
    assert len(load.calls) == 3


def test_a_version_that_is_no_longer_wanted_is_not_tried_again(
    loader: Loader, load: FakeLoad, version: Version, run: Callable[..., threading.Thread]
) -> None:
    """The wait for the next try ends at once, though no time has passed."""
    load.fail("m", 7, not_found("broken"), times=3)
    attempt = Attempt(loader, version)
    thread = run(attempt)
    eventually(lambda: load.calls)
    version.cancelled.set()
    thread.join(30)
    assert attempt.error is not None
    assert attempt.error.message == "broken"
    assert len(load.calls) == 1


def test_a_version_may_be_cancelled_before_the_first_try(loader: Loader, load: FakeLoad, version: Version) -> None:
    """Then it is not loaded at all."""
    version.cancelled.set()
    assert refusal(lambda: loader(version)) == ("CANCELLED", "Load cancelled before we could try to load.")
    assert load.calls == []


def test_waiting_for_the_next_try_holds_up_nobody(
    loader: Loader, load: FakeLoad, version: Version, run: Callable[..., threading.Thread]
) -> None:
    """With one load at a time, a broken version lets others load between its tries."""
    load.fail("m", 7, not_found("broken"), times=3)
    thread = run(Attempt(loader, version))
    eventually(lambda: load.calls)
    assert loader(Version("m", 8, Path("/m/8"))).version == 8
    version.cancelled.set()
    thread.join(30)


def test_whatever_a_model_raises_is_a_status(load: FakeLoad, time: FakeTime, version: Version) -> None:
    """An exception that nobody foresaw becomes UNKNOWN and takes no thread with it."""
    load.fail("m", 7, ZeroDivisionError("1/0"))
    loader = Loader(load, 0, INTERVAL, threading.Semaphore(1), time.wait)
    assert refusal(lambda: loader(version)) == ("UNKNOWN", "ZeroDivisionError: 1/0")


def test_a_load_takes_a_slot_until_it_is_done(
    loader: Loader, load: FakeLoad, version: Version, run: Callable[..., threading.Thread]
) -> None:
    """So that no more than num_load_threads go on at a time."""
    held = load.hold("m", 7)
    thread = run(Attempt(loader, version))
    eventually(lambda: load.calls)
    assert not loader.slots.acquire(blocking=False)
    held.set()
    thread.join(30)
    assert loader.slots.acquire(blocking=False)
