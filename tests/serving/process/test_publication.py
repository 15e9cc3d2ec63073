"""New versions that appear while the server answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.publication import publish
from tests.conformance.grpc_api import Grpc
from tests.conformance.waiting import eventually
from tests.serving.process.conftest import Serve
from tests.serving.process.traffic import Traffic

FLAGS = ("--model_name=m", "--file_system_poll_wait_seconds=0.1", "--max_num_load_retries=0")


@pytest.mark.parametrize("batching", [(), ("--enable_batching",)], ids=["alone", "batched"])
def test_new_versions_under_traffic(
    serve: Serve, tmp_path: Path, sources: list[Path], broken_source: Path, batching: tuple[str, ...]
) -> None:
    """Versions follow each other and no request fails; who saw one sees no older; a broken one changes nothing."""
    base = tmp_path / "m"
    publish(sources[0], base, "first")
    with serve(*FLAGS, *batching, f"--model_base_path={base}") as server:
        server.wait_until_open()
        api = Grpc(server.grpc)
        with Traffic(server, "m") as traffic:
            for source in sources[1:-1]:
                publish(source, base, source.name)
                eventually(lambda newest={float(source.name)}: traffic.newest == newest, f"all see {source.name}")  # type: ignore[misc]
            before = traffic.answers
            refused = publish(broken_source, base, "broken").number
            eventually(lambda: api.states("m").get(refused) == "END", "the broken version is given up")
            eventually(lambda: traffic.answers > before + 100, "requests go on")
            publish(sources[-1], base, "last")
            eventually(lambda: traffic.newest == {float(sources[-1].name)}, "all see the last version")
        assert traffic.failures == []
        assert all(seen == sorted(seen) for seen in traffic.biases)
        assert {bias for seen in traffic.biases for bias in seen} == {float(source.name) for source in sources}
        assert server.terminate() == 0
