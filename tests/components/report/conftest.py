from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.conftest import MakeOnce
from tests.components.report import evaluations


@pytest.fixture(scope="session")
def binary_folder(make_once: MakeOnce) -> Path:
    """The Evaluator's folder of a yes or no, by city."""

    def evaluate(folder: Path) -> None:
        evaluations.binary(folder)

    return make_once("binary evaluation", evaluate)
