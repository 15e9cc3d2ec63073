"""What a look at what has run costs over a network."""

from __future__ import annotations

from collections.abc import Callable

from ml_metadata.proto.metadata_store_pb2 import Execution

from pipeline.lineage import Lineage
from pipeline.metadata_server.server import Address, MetadataServer
from pipeline.metadata_server.store import Store
from tests.metadata.records import Recorder
from tests.metadata.servers import HERE, connection_to, in_memory

DONE = {"ExampleGen": Execution.COMPLETE, "Trainer": Execution.COMPLETE, "Pusher": Execution.COMPLETE}


class Counting(Store):
    """A store that counts calls."""

    calls = 0

    def call(self, method: str, request: bytes) -> bytes:
        """Answers as a store does."""
        self.calls += 1
        return super().call(method, request)


def test_a_look_at_one_run_costs_the_same_however_many_there_are() -> None:
    """The latest run, a run, a step and its outputs are found by as many calls after ten runs as after the first."""
    store = Counting(in_memory())
    server = MetadataServer(store, Address(HERE, 0))
    try:
        connection = connection_to(backend="grpc", host=HERE, port=server.port)
        recorder, lineage = Recorder(connection, "taxi"), Lineage(connection, "taxi")
        executions = recorder.run("0", DONE)
        looks: dict[str, Callable[[], object]] = {
            "latest": lineage.latest,
            "run": lambda: lineage.run("0"),
            "step": lambda: lineage.step("0", "Pusher"),
            "outputs": lambda: lineage.outputs_by_execution(list(executions.values())),
            "end_interrupted": lineage.end_interrupted,
        }
        first = {name: calls(store, look) for name, look in looks.items()}
        for number in range(1, 10):
            recorder.run(str(number), DONE)
        assert {name: calls(store, look) for name, look in looks.items()} == first
        assert max(first.values()) <= len(DONE) + 3
        assert first["outputs"] == 2
    finally:
        server.stop(0)


def calls(store: Counting, look: Callable[[], object]) -> int:
    """Returns the number of calls that a look makes."""
    before = store.calls
    look()
    return store.calls - before
