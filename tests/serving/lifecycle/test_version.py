from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.server.lifecycle.version import Version
from tests.serving.lifecycle.worlds import eventually, finishes


@pytest.fixture
def version() -> Version:
    """Version 7 of m."""
    return Version("m", 7, Path("/m/7"))


def test_it_is_written_as_upstream_writes_it(version: Version) -> None:
    """Logs and messages name it so."""
    assert str(version) == "{name: m version: 7}"


def test_an_idle_version_is_drained_at_once(version: Version) -> None:
    """And lets nobody in afterwards."""
    assert version.enter()
    version.leave()
    finishes(version.drain)
    assert not version.enter()


def test_drain_waits_for_the_last_request(version: Version, run: Callable[..., threading.Thread]) -> None:
    """It returns only when all requests that were let in have left, whoever knocks meanwhile."""
    assert version.enter()
    assert version.enter()
    thread = run(version.drain)
    eventually(lambda: version.closing)
    assert not version.enter()
    version.leave()
    assert not version.enter()
    assert thread.is_alive()
    version.leave()
    thread.join(30)
    assert not thread.is_alive()


def test_no_request_is_let_in_and_drained(run: Callable[..., threading.Thread]) -> None:
    """Four threads come and go while a fifth drains: whoever was let in finds the version open until it leaves."""
    for _ in range(8):
        version, drained, wrong = Version("m", 1, Path()), threading.Event(), list[str]()

        def knock(version: Version = version, drained: threading.Event = drained, wrong: list[str] = wrong) -> None:
            while version.enter():
                if drained.is_set():
                    wrong.append("let in after the drain")
                version.leave()

        threads = [run(knock) for _ in range(4)]
        finishes(version.drain)
        drained.set()
        for thread in threads:
            thread.join(30)
        assert not wrong
