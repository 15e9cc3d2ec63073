# TFX reads the annotations of a component as objects: no `from __future__ import annotations` here
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import String

from pipeline.lineage import Lineage
from pipeline.metadata import Connection
from pipeline.steps import State
from tests.components.readers.conftest import PostgreSQL
from tests.metadata.servers import on_postgresql, served

TEXT = '{"a": "{\\"b\\": \\"it\'s \\\\ 100%\\"}"}'


@component
def Say(text: Parameter[str], said: OutputArtifact[String]) -> None:
    """Writes a text."""
    said.value = text


def run(connection: Connection, root: Path) -> Any:
    """Runs two steps by TFX's own runner, and returns the record of the run."""
    steps = [Say(text=TEXT).with_id(name) for name in ("First", "Second")]
    LocalDagRunner().run(Pipeline("small", str(root), connection, steps, enable_cache=True))
    return Lineage(connection, "small").latest()


@pytest.mark.parametrize("through_server", [False, True], ids=["directly", "through a metadata server"])
def test_tfxs_own_runner_keeps_lineage_in_postgresql(
    postgresql: PostgreSQL, tmp_path: Path, *, through_server: bool
) -> None:
    """Steps whose parameters are JSON within JSON run once, and are answered by the cache when they run again."""
    database = on_postgresql(postgresql)
    first = run(database, tmp_path)
    assert {step.state for step in first.steps.values()} == {State.DONE}
    if not through_server:
        again = run(database, tmp_path)
    else:
        with served(database) as connection:
            again = run(connection, tmp_path)
    assert set(again.steps) == {"First", "Second"}
    assert {step.state for step in again.steps.values()} == {State.CACHED}
