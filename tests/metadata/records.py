"""Runs as TFX writes them into a store: contexts of pipeline, run and node, executions, what they made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata import Connection, open_store


class Recorder:
    """Writes runs of one pipeline."""

    def __init__(self, connection: Connection, pipeline: str) -> None:
        self.store: MetadataStore = open_store(connection)
        self._pipeline_name = pipeline
        self._pipeline = self._context("pipeline", pipeline)

    def run(self, run_id: str, steps: Mapping[str, int], **properties: str) -> dict[str, int]:
        """Writes a run; returns the ids of its executions.

        Args:
          run_id: its id.
          steps: the names of the steps and the state of each, of mlmd.Execution's.
          properties: of every execution and every artifact.
        """
        run = self._context("pipeline_run", run_id)
        self.store.put_parent_contexts([mlmd.ParentContext(parent_id=self._pipeline.id, child_id=run.id)])
        return {name: self._step(name, state, run, properties) for name, state in steps.items()}

    def _step(self, name: str, state: int, run: Any, properties: Mapping[str, str]) -> int:
        execution = mlmd.Execution(
            type_id=self.store.put_execution_type(mlmd.ExecutionType(name=f"components.{name}")), last_known_state=state
        )
        artifact = mlmd.Artifact(
            type_id=self.store.put_artifact_type(mlmd.ArtifactType(name=f"{name}Made")), uri=f"/{name}"
        )
        for node in (execution, artifact):
            for key, value in properties.items():
                node.custom_properties[key].string_value = value
        event = mlmd.Event(type=mlmd.Event.OUTPUT)
        event.path.steps.add().key = "made"
        event.path.steps.add().index = 0
        contexts = [self._pipeline, run, self._context("node", f"{self._pipeline_name}.{name}")]
        execution_id, _, _ = self.store.put_execution(execution, [(artifact, event)], contexts)
        return int(execution_id)

    def _context(self, kind: str, name: str) -> Any:
        found = self.store.get_context_by_type_and_name(kind, name)
        if found is None:
            type_id = self.store.put_context_type(mlmd.ContextType(name=kind))
            [context_id] = self.store.put_contexts([mlmd.Context(type_id=type_id, name=name)])
            found = mlmd.Context(id=context_id, type_id=type_id, name=name, type=kind)
        return found
