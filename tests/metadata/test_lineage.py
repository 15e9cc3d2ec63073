"""What has run, read from each kind of store."""

from __future__ import annotations

import json

import pytest
from ml_metadata.proto.metadata_store_pb2 import Execution

from pipeline.lineage import Lineage, RunRecord
from pipeline.metadata import Connection
from pipeline.steps import State
from tests.metadata.records import Recorder

DONE = {"ExampleGen": Execution.COMPLETE, "Trainer": Execution.CACHED, "Pusher": Execution.COMPLETE}
STOPPED = {"ExampleGen": Execution.COMPLETE, "Trainer": Execution.RUNNING}
NASTY = json.dumps({"a": json.dumps({"b": 'it\'s 100% \\ "ü" \ue05c\ue05c1 $$ ? {'})}) + "\\'\n\\"


@pytest.fixture
def lineage(connection: Connection) -> Lineage:
    """Two runs of taxi, of which the second was killed, and one of iris, in one store."""
    taxi = Recorder(connection, "taxi")
    taxi.run("one", DONE)
    Recorder(connection, "iris").run("other", DONE)
    taxi.run("two", STOPPED)
    return Lineage(connection, "taxi")


def states(record: RunRecord | None) -> dict[str, State]:
    """The steps of a run, each with its state."""
    assert record is not None
    return {name: step.state for name, step in record.steps.items()}


def test_runs_are_those_of_the_pipeline(lineage: Lineage) -> None:
    """Of a store that pipelines share, a pipeline's own runs are told, with the states of steps and runs."""
    runs = {record.run_id: record for record in lineage.runs()}
    assert set(runs) == {"one", "two"}
    assert states(runs["one"]) == {"ExampleGen": State.DONE, "Trainer": State.CACHED, "Pusher": State.DONE}
    assert states(runs["two"]) == {"ExampleGen": State.DONE, "Trainer": State.RUNNING}
    assert (runs["one"].state, runs["two"].state) == (State.DONE, State.RUNNING)


def test_one_run_is_as_in_the_list_of_all(lineage: Lineage) -> None:
    """A run that is asked for by its id, or as the latest, is the same as in the list; another pipeline's is none."""
    listed = {record.run_id: record for record in lineage.runs()}
    assert lineage.run("one") == listed["one"]
    assert lineage.latest() == lineage.runs()[0]
    assert lineage.run("other") is None
    assert lineage.run("never") is None


def test_one_step_is_as_in_its_run(lineage: Lineage) -> None:
    """A step that is asked for by its name is the same as in its run."""
    run = lineage.run("one")
    assert run is not None
    assert lineage.step("one", "Trainer") == run.steps["Trainer"]
    assert lineage.step("two", "Pusher") is None
    assert lineage.step("other", "Pusher") is None


def test_what_was_left_running_ends_as_interrupted(lineage: Lineage) -> None:
    """Steps that a killed run left running become interrupted, and no other step changes."""
    lineage.end_interrupted()
    assert states(lineage.run("one")) == {"ExampleGen": State.DONE, "Trainer": State.CACHED, "Pusher": State.DONE}
    assert states(lineage.run("two")) == {"ExampleGen": State.DONE, "Trainer": State.INTERRUPTED}


def test_outputs_of_many_steps_are_those_of_each(lineage: Lineage) -> None:
    """The outputs of many executions, asked for at once, are what each has by itself."""
    run = lineage.run("one")
    assert run is not None
    ids = [step.execution_id for step in run.steps.values()]
    together = lineage.outputs_by_execution(ids)
    assert together == {execution_id: lineage.outputs(execution_id) for execution_id in ids}
    assert [together[execution_id]["made"].uri for execution_id in ids] == ["/ExampleGen", "/Trainer", "/Pusher"]


def test_seconds_are_stamped_on_outputs(lineage: Lineage) -> None:
    """A step's outputs are told how long it took."""
    run = lineage.run("one")
    assert run is not None
    step = run.steps["Trainer"]
    lineage.stamp_seconds(step)
    stamped = lineage.outputs(step.execution_id)["made"].custom_properties["seconds"].double_value
    assert stamped == (step.ended - step.began) / 1000


def test_an_empty_store_has_no_runs(connection: Connection) -> None:
    """Before the first run there is nothing, and no error."""
    lineage = Lineage(connection, "taxi")
    assert lineage.runs() == []
    assert lineage.latest() is None
    lineage.end_interrupted()


def test_texts_come_back_as_they_were(connection: Connection) -> None:
    """JSON within JSON, quotes, backslashes, percent signs and rare characters are read as they were written."""
    Recorder(connection, "taxi").run("\\run's", {"Trainer": Execution.COMPLETE}, **{"nasty\\": NASTY})
    lineage = Lineage(connection, "taxi")
    run = lineage.run("\\run's")
    assert run is not None
    [artifact] = lineage.outputs(run.steps["Trainer"].execution_id).values()
    assert dict(artifact.custom_properties)["nasty\\"].string_value == NASTY


def test_outputs_are_found_in_the_order_of_their_ids(connection: Connection) -> None:
    """Rows that were written again are not found behind the others, which TFX's cache takes for another order."""
    recorder = Recorder(connection, "taxi")
    recorder.run("one", DONE)
    artifacts = recorder.store.get_artifacts()
    recorder.store.put_artifacts([min(artifacts, key=lambda artifact: artifact.id)])
    ids = [artifact.id for artifact in artifacts]
    for wanted in (sorted(ids), sorted(ids, reverse=True)):
        assert [artifact.id for artifact in recorder.store.get_artifacts_by_id(wanted)] == wanted
