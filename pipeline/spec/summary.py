"""What a run of a spec came to: its steps, its artifacts, what was pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.spec.loading import Spec
from pipeline.spec.places import key_of
from pipeline.spec.queries import title_of
from pipeline.spec.store import Artifact, Store
from pipeline.steps import SETTLED, State, StepStatus

PUSHED_MODEL = "tfx.PushedModel"


@dataclass(frozen=True)
class SpecSummary:
    """One run of a spec.

    Attributes:
      pipeline: its name.
      flavour: whose dialect the spec is written in.
      run_id: the run's.
      state: done, failed or interrupted.
      steps: how each step stands.
      artifacts: of each step the outputs: address, path here, type and metadata.
      objects: the folder of the object stores.
      notices: what stands here for what the backend has.
      pushed: whether a model was pushed; None where the pipeline has no Pusher, or did not come to it.
      version: the pushed model's.
      pushed_to: where it is.
    """

    pipeline: str
    flavour: str
    run_id: str
    state: State
    steps: list[StepStatus]
    artifacts: dict[str, dict[str, dict[str, Any]]]
    objects: str
    notices: list[str]
    pushed: bool | None = None
    version: str = ""
    pushed_to: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns it as JSON-like values with stable names."""
        return asdict(self)


def summarize(
    spec: Spec, run_id: str, store: Store, steps: Sequence[StepStatus], objects: Path, notices: Sequence[str]
) -> SpecSummary:
    """Returns the summary of a run, read from the store."""
    made = {step.name: execution for step in steps if (execution := store.of_step(run_id, step.name))}
    all_artifacts = [artifact for execution in made.values() for artifact in execution.artifacts.values()]
    pushed = next((one.metadata for one in all_artifacts if title_of(one) == PUSHED_MODEL), None)
    is_pushed = None if pushed is None else bool(pushed.get("pushed"))
    return SpecSummary(
        pipeline=spec.name,
        flavour=spec.flavour,
        run_id=run_id,
        state=_state(steps),
        steps=list(steps),
        artifacts={
            name: {key: _described(one, objects) for key, one in execution.artifacts.items()}
            for name, execution in made.items()
            if execution.artifacts
        },
        objects=str(objects),
        notices=list(notices),
        pushed=is_pushed,
        version=str(pushed.get("pushed_version", "")) if pushed and is_pushed else "",
        pushed_to=str(pushed.get("pushed_destination", "")) if pushed and is_pushed else "",
    )


def _described(artifact: Artifact, objects: Path) -> dict[str, Any]:
    key = key_of(artifact.uri)
    path = str(artifact.uri if key is None else objects / key) if artifact.is_stored else None
    return {
        "name": str(artifact.id),
        "uri": artifact.uri,
        "path": path,
        "type": title_of(artifact),
        "metadata": dict(artifact.metadata),
    }


def _state(steps: Sequence[StepStatus]) -> State:
    states = {step.state for step in steps}
    if State.INTERRUPTED in states:
        return State.INTERRUPTED
    return State.DONE if states <= set(SETTLED) else State.FAILED
