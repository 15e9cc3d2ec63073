"""Memory over many requests."""

from __future__ import annotations

from pathlib import Path

from benchmarks import soak
from tests.conformance.models import half_plus_two
from tests.serving.process.conftest import Serve

REQUESTS = 20_000
MOST = 12  # MiB in 16,000 requests and 20 versions; a leak of 1 KiB a request would be 16


def test_memory_is_flat(serve: Serve, tmp_path: Path) -> None:
    """Requests, wrong ones and new versions among them, leave no memory behind, and all are answered rightly."""
    base = tmp_path / soak.MODEL
    half_plus_two(base / "1")
    with serve(f"--model_name={soak.MODEL}", f"--model_base_path={base}") as server:
        report = soak.run(server.wait_until_open(), base, REQUESTS)
    assert report.failures == {}
    assert len(report.memory) == soak.TENTHS + 1
    settled = [one.anonymous for one in report.memory[soak.SETTLED :]]
    assert max(settled) - settled[0] < MOST, report.memory
