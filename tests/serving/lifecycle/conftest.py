from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.server.lifecycle.core import Core, CoreOptions
from serving.server.lifecycle.fakes import FakeLoad, FakeTime
from tests.serving.lifecycle.worlds import Disk, finishes


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Folders of models."""
    return Disk(tmp_path)


@pytest.fixture
def load() -> FakeLoad:
    """Loads nothing."""
    return FakeLoad()


@pytest.fixture
def time() -> FakeTime:
    """Time that stands still."""
    return FakeTime()


@pytest.fixture
def make_core(load: FakeLoad, time: FakeTime) -> Iterator[Callable[..., Core]]:
    """Makes cores that retry nothing unless told to, and stops them in the end."""
    cores: list[Core] = []

    def make(**options: Any) -> Core:
        cores.append(Core(load, CoreOptions(**{"max_num_load_retries": 0} | options), time.wait))
        return cores[-1]

    yield make
    for core in cores:
        finishes(core.stop)


@pytest.fixture
def run() -> Iterator[Callable[[Callable[[], None]], threading.Thread]]:
    """Starts a function on a thread that is joined in the end."""
    threads: list[threading.Thread] = []

    def start(work: Callable[[], None]) -> threading.Thread:
        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
