from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.conformance.models import broken, half_plus_two
from tests.serving.process.harness import Running, serving

Serve = Callable[..., AbstractContextManager[Running]]
SOURCES = 6


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Starts a server with flags of the test's own; all that a test starts write to one log."""
    return partial(serving, tmp_path / "log")


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Models to be published, named by their biases."""
    folder = tmp_path_factory.mktemp("sources")
    paths = [folder / str(bias) for bias in range(1, SOURCES + 1)]
    for path in paths:
        half_plus_two(path, float(path.name))
    return paths


@pytest.fixture(scope="session")
def broken_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model to be published that cannot be loaded."""
    path = tmp_path_factory.mktemp("broken") / "model"
    broken(path)
    return path
