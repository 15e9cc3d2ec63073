"""What has run, read from MLMD; imports neither TFX nor TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from pipeline.steps import State
from schema.errors import PenstockError

Execution = metadata_store_pb2.Execution
STATES = {
    Execution.NEW: State.RUNNING,
    Execution.RUNNING: State.RUNNING,
    Execution.COMPLETE: State.DONE,
    Execution.CACHED: State.CACHED,
    Execution.FAILED: State.FAILED,
    Execution.CANCELED: State.INTERRUPTED,
}


@dataclass(frozen=True)
class StepRecord:
    """One step of one run: when it began and ended, in milliseconds since 1970."""

    name: str
    state: State
    execution_id: int
    began: int
    ended: int


@dataclass(frozen=True)
class RunRecord:
    """One run; its steps by name, in the order in which they began."""

    run_id: str
    began: int
    steps: dict[str, StepRecord] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """When its last step ended, in milliseconds since 1970."""
        return max((step.ended for step in self.steps.values()), default=self.began)

    @property
    def state(self) -> State:
        """How it stands: as its worst step; done when the Pusher is."""
        states = {step.state for step in self.steps.values()}
        bad = next((state for state in (State.FAILED, State.RUNNING, State.INTERRUPTED) if state in states), None)
        if bad:
            return bad
        return State.DONE if "Pusher" in self.steps else State.INTERRUPTED


class Lineage:
    """The runs of one pipeline in an MLMD store.

    Raises:
      PenstockError: the store does not answer.
    """

    def __init__(self, connection: metadata_store_pb2.ConnectionConfig, pipeline: str) -> None:
        try:
            self._store = MetadataStore(connection)
        except (errors.StatusError, RuntimeError) as error:
            kind = connection.WhichOneof("config")
            raise PenstockError(
                f"The metadata store ({kind}) does not answer: {error}. Check that the database is up, and the section "
                "metadata of the configuration."
            ) from None
        self._pipeline = pipeline

    def runs(self) -> list[RunRecord]:
        """Returns the runs, the latest first."""
        steps = self._steps_by_execution()
        records = [self._record(context, steps) for context in self._contexts("pipeline_run")]
        return sorted((record for record in records if record.steps), key=lambda record: record.began, reverse=True)

    def run(self, run_id: str) -> RunRecord | None:
        """Returns one run."""
        return next((record for record in self.runs() if record.run_id == run_id), None)

    def outputs(self, execution_id: int) -> dict[str, Any]:
        """Returns the output artifacts (MLMD protos) of an execution, the first of each key."""
        events = [
            event
            for event in self._store.get_events_by_execution_ids([execution_id])
            if event.type == metadata_store_pb2.Event.OUTPUT
        ]
        artifacts = {
            found.id: found for found in self._store.get_artifacts_by_id([event.artifact_id for event in events])
        }
        return {event.path.steps[0].key: artifacts[event.artifact_id] for event in reversed(events)}

    def end_interrupted(self) -> None:
        """Marks executions that a killed run left running as interrupted; call it only while holding the pipeline."""
        left = [
            execution for execution, _ in self._executions() if STATES.get(execution.last_known_state) is State.RUNNING
        ]
        for execution in left:
            execution.last_known_state = Execution.CANCELED
        if left:
            self._store.put_executions(left)

    def _executions(self) -> Iterator[tuple[Any, str]]:
        """Yields the executions of the pipeline, each with the name of its step."""
        for context in self._contexts("node"):
            pipeline, _, step = context.name.partition(".")
            if pipeline == self._pipeline:
                for execution in self._store.get_executions_by_context(context.id):
                    yield execution, step

    def _steps_by_execution(self) -> dict[int, StepRecord]:
        return {
            execution.id: StepRecord(
                step,
                STATES.get(execution.last_known_state, State.RUNNING),
                execution.id,
                execution.create_time_since_epoch,
                execution.last_update_time_since_epoch,
            )
            for execution, step in self._executions()
        }

    def _record(self, context: Any, steps: dict[int, StepRecord]) -> RunRecord:
        executions = self._store.get_executions_by_context(context.id)
        own = sorted((steps[found.id] for found in executions if found.id in steps), key=lambda step: step.execution_id)
        return RunRecord(context.name, context.create_time_since_epoch, {step.name: step for step in own})

    def _contexts(self, kind: str) -> list[Any]:
        try:
            return list(self._store.get_contexts_by_type(kind))
        except errors.NotFoundError:
            return []


def int_property(artifact: Any, name: str) -> int:
    """Returns an integer custom property of an artifact; 0 where it has none."""
    return int(artifact.custom_properties[name].int_value) if name in artifact.custom_properties else 0


def text_property(artifact: Any, name: str) -> str:
    """Returns a text custom property of an artifact; "" where it has none."""
    return str(artifact.custom_properties[name].string_value) if name in artifact.custom_properties else ""


def spans_of(examples: Any) -> dict[str, int]:
    """Returns the rows read from each span, where there are spans."""
    said = text_property(examples, "spans")
    spans: dict[str, int] = json.loads(said) if said else {}
    return spans


def rows_of(examples: Any) -> dict[str, int]:
    """Returns the number of rows of each split, where ExampleGen said so."""
    said = text_property(examples, "rows")
    rows: dict[str, int] = json.loads(said) if said else {}
    return rows
