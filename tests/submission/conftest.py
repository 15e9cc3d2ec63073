from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.submission.fakes import FakeKubeflow


@pytest.fixture
def kubeflow() -> Iterator[FakeKubeflow]:
    """Kubeflow Pipelines at an address of this machine."""
    with FakeKubeflow() as fake:
        yield fake


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file with the token `t0ken`."""
    file = tmp_path / "token"
    file.write_text("t0ken\n", encoding="utf-8")
    return file
