"""What has run, read from MLMD; imports neither TFX nor TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_metadata import errors
from ml_metadata.proto import metadata_store_pb2

from pipeline.metadata import Connection, answering, open_store
from pipeline.steps import State

Execution = metadata_store_pb2.Execution
PIPELINE, RUN, NODE = "pipeline", "pipeline_run", "node"  # TFX's types of contexts
SECONDS = "seconds"
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
    """The runs of one pipeline in an MLMD store, which may hold other pipelines' too.

    Every call may cross a network: one run costs as many as it has steps, whatever has run before it.

    Raises:
      PenstockError: the store does not answer; so every method does.
    """

    def __init__(self, connection: Connection, pipeline: str) -> None:
        self._connection, self._pipeline = connection, pipeline
        self._store = open_store(connection)

    def runs(self) -> list[RunRecord]:
        """Returns the runs, the latest first."""
        with answering(self._connection):
            steps = self._steps_by_execution()
            records = [self._record(context, steps) for context in self._run_contexts()]
        return [record for record in records if record.steps]

    def run(self, run_id: str) -> RunRecord | None:
        """Returns one run."""
        with answering(self._connection):
            context = self._store.get_context_by_type_and_name(RUN, run_id)
            return self._one(context) if context else None

    def latest(self) -> RunRecord | None:
        """Returns the run that began last."""
        with answering(self._connection):
            return next((record for context in self._run_contexts() if (record := self._one(context))), None)

    def step(self, run_id: str, name: str) -> StepRecord | None:
        """Returns one step of one run; one that has just ended is found at once."""
        with answering(self._connection):
            context = self._store.get_context_by_type_and_name(RUN, run_id)
            executions = self._store.get_executions_by_context(context.id) if context else []
            latest_first = sorted(executions, key=lambda found: found.last_update_time_since_epoch, reverse=True)
            found = next((execution for execution in latest_first if self._step_name(execution) == name), None)
        return _step_record(name, found) if found else None

    def outputs(self, execution_id: int) -> dict[str, Any]:
        """Returns the output artifacts (MLMD protos) of an execution, the first of each key."""
        return self.outputs_by_execution([execution_id])[execution_id]

    def outputs_by_execution(self, execution_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Returns what `outputs` does for each of the executions, by its id."""
        outputs: dict[int, dict[str, Any]] = {execution_id: {} for execution_id in execution_ids}
        with answering(self._connection):
            events = self._store.get_events_by_execution_ids(execution_ids) if execution_ids else []
            made = [event for event in events if event.type == metadata_store_pb2.Event.OUTPUT]
            artifact_ids = {event.artifact_id for event in made}
            artifacts = self._store.get_artifacts_by_id(artifact_ids) if artifact_ids else []
        by_id = {artifact.id: artifact for artifact in artifacts}
        for event in reversed(made):
            outputs[event.execution_id][event.path.steps[0].key] = by_id[event.artifact_id]
        return outputs

    def stamp_seconds(self, step: StepRecord) -> None:
        """Writes on the outputs of a step how many seconds it took, which the report shows."""
        artifacts = list(self.outputs(step.execution_id).values())
        for artifact in artifacts:
            artifact.custom_properties[SECONDS].double_value = (step.ended - step.began) / 1000
        with answering(self._connection):
            self._store.put_artifacts(artifacts)

    def end_interrupted(self) -> None:
        """Marks executions that a killed run left running as interrupted; call it only while holding the pipeline."""
        with answering(self._connection):
            context = self._store.get_context_by_type_and_name(PIPELINE, self._pipeline)
            executions = self._store.get_executions_by_context(context.id) if context else []
            left = [execution for execution in executions if _state_of(execution) is State.RUNNING]
            for execution in left:
                execution.last_known_state = Execution.CANCELED
            if left:
                self._store.put_executions(left)

    def _run_contexts(self) -> list[Any]:
        """The contexts of the pipeline's runs, the latest first."""
        pipeline = self._store.get_context_by_type_and_name(PIPELINE, self._pipeline)
        children = self._store.get_children_contexts_by_context(pipeline.id) if pipeline else []
        runs = [context for context in children if context.type == RUN]
        return sorted(runs, key=lambda context: (context.create_time_since_epoch, context.id), reverse=True)

    def _one(self, context: Any) -> RunRecord | None:
        """The run of a context, if it is one of the pipeline's; reads its own steps, not all that ever ran."""
        executions = self._store.get_executions_by_context(context.id)
        named = [(execution, self._step_name(execution)) for execution in executions]
        steps = {execution.id: _step_record(name, execution) for execution, name in named if name}
        return _run_record(context, steps, executions) if steps else None

    def _step_name(self, execution: Any) -> str:
        """The step of the pipeline that an execution is of; "" where it is another pipeline's."""
        contexts = self._store.get_contexts_by_execution(execution.id)
        return next((self._step_of(context) for context in contexts if context.type == NODE), "")

    def _steps_by_execution(self) -> dict[int, StepRecord]:
        """All that ever ran: by one call a step of the DAG."""
        return {
            execution.id: _step_record(step, execution)
            for context in self._contexts(NODE)
            if (step := self._step_of(context))
            for execution in self._store.get_executions_by_context(context.id)
        }

    def _step_of(self, node: Any) -> str:
        """The name of the step whose context this is; "" where it is another pipeline's."""
        pipeline, _, step = node.name.partition(".")
        return str(step) if pipeline == self._pipeline else ""

    def _record(self, context: Any, steps: dict[int, StepRecord]) -> RunRecord:
        return _run_record(context, steps, self._store.get_executions_by_context(context.id))

    def _contexts(self, kind: str) -> list[Any]:
        try:
            return list(self._store.get_contexts_by_type(kind))
        except errors.NotFoundError:
            return []


def _state_of(execution: Any) -> State:
    return STATES.get(execution.last_known_state, State.RUNNING)


def _step_record(step: str, execution: Any) -> StepRecord:
    began, ended = execution.create_time_since_epoch, execution.last_update_time_since_epoch
    return StepRecord(step, _state_of(execution), execution.id, began, ended)


def _run_record(context: Any, steps: dict[int, StepRecord], executions: Iterable[Any]) -> RunRecord:
    own = sorted((steps[found.id] for found in executions if found.id in steps), key=lambda step: step.execution_id)
    return RunRecord(context.name, context.create_time_since_epoch, {step.name: step for step in own})


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
