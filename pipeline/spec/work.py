"""One step of a spec, as driver and launcher do it: inputs, condition, cache, process, outputs."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tenacity import Retrying, stop_after_attempt, stop_after_delay, wait_exponential

from pipeline.child import Outcome
from pipeline.spec.caching import fingerprint
from pipeline.spec.executor_input import LOGS, Outputs, executor_input, provision
from pipeline.spec.finding import WITHOUT_CONTAINER
from pipeline.spec.given import Inputs, NotMade, Run
from pipeline.spec.graph import Graph, Leaf
from pipeline.spec.inputs import Resolution
from pipeline.spec.loading import Flavour, Spec
from pipeline.spec.notes import note_of
from pipeline.spec.outputs import Made, collect, read_output_file
from pipeline.spec.placeholders import Values, words_of
from pipeline.spec.places import KubeflowPod, Place, VertexTask, artifact_uris, is_kept
from pipeline.spec.platform import Mount, deadline_of, environment_of, mounts_of, rewrite
from pipeline.spec.process import Command, environment_for, execute
from pipeline.spec.store import CACHED, COMPLETE, FAILED, SKIPPED, Execution, Store
from schema.errors import GateRefusal, StepFailed

HOUR = 3600.0
PROGRESS = logging.getLogger("penstock.progress")


@dataclass(frozen=True)
class Folders:
    """Where a run keeps what it makes."""

    objects: Path
    volumes: Path
    pods: Path
    logs: Path


class Steps:
    """Runs the steps of one run, each called in a process of its own."""

    def __init__(
        self, spec: Spec, graph: Graph, store: Store, run: Run, folders: Folders, root: str, *, cache: bool
    ) -> None:
        self._spec, self._graph, self._store, self._run, self._folders = spec, graph, store, run, folders
        self._root, self._cache = root, cache
        self._resolution = Resolution(graph, store, run)

    def work(self, name: str) -> Outcome:
        """Runs a step, and notes in the store how it ended.

        Raises:
          StepFailed: it failed, after all its attempts.
          GateRefusal: it ended with exit code 3.
        """
        leaf = self._graph.leaves[name]
        execution = self._store.begin(self._run.id, name)
        try:
            return self._driven(leaf, execution)
        except BaseException as error:
            self._store.end(execution, FAILED)
            if isinstance(error, StepFailed) and not str(error).startswith(name):
                raise StepFailed(f"{name}: {error}") from error
            raise

    def _driven(self, leaf: Leaf, execution: int) -> Outcome:
        try:
            unmet = self._resolution.unmet(leaf)
            why = f"not so: {unmet}" if unmet else ""
            inputs = Inputs() if unmet else self._resolution.inputs(leaf)
        except NotMade as error:
            why = str(error)
        if why:
            self._store.end(execution, SKIPPED)
            return Outcome(skipped=True, note=why)
        find = WITHOUT_CONTAINER.get(leaf.executor.WhichOneof("spec"))
        if find is None:
            return self._contained(leaf, inputs, execution)
        self._store.end(execution, COMPLETE, {}, find(leaf, inputs, self._store.artifacts()))
        return Outcome()

    def _contained(self, leaf: Leaf, inputs: Inputs, execution: int) -> Outcome:
        outputs = provision(leaf, self._spec.flavour, self._root, execution)
        outputs, found = self._before_the_cache(leaf, inputs, outputs)
        is_cached = leaf.task.caching_options.enable_cache
        claims = [one.claim for one in self._mounts(leaf) if one.claim]
        mark = fingerprint(leaf, inputs, outputs, claims, found)
        if is_cached and self._cache and (hit := self._hit(mark)):
            self._store.end(execution, CACHED, hit.parameters, hit.artifacts)
            return Outcome(cached=True, note=note_of(hit.artifacts.values()))
        made = self._attempts(leaf, inputs, outputs)
        kept = self._store.end(execution, COMPLETE, made.parameters, made.artifacts, mark if is_cached else "")
        return Outcome(note=note_of(kept.values()))

    def _hit(self, mark: str) -> Execution | None:
        found = self._store.cached(mark)
        if found and all(is_kept(self._folders.objects, one.uri) for one in found.artifacts.values() if one.is_stored):
            return found
        return None

    def _before_the_cache(self, leaf: Leaf, inputs: Inputs, outputs: Outputs) -> tuple[Outputs, Mapping[str, Any]]:
        """Runs the driver of Vertex AI's lifecycle, and returns the outputs as it describes them, and what it found."""
        container = leaf.executor.container
        if self._spec.flavour is not Flavour.VERTEX or not container.lifecycle.HasField("pre_cache_check"):
            return outputs, {}
        check = container.lifecycle.pre_cache_check
        place = self._place(leaf, outputs, [*check.command, *check.args])
        self._execute(leaf, [*check.command, *check.args], inputs, outputs, place)
        said = read_output_file(place.output_file)
        artifacts = {
            name: replace(one, metadata={**one.metadata, **said.artifacts[name].metadata})
            if name in said.artifacts
            else one
            for name, one in outputs.artifacts.items()
        }
        return replace(outputs, artifacts=artifacts), said.parameters

    def _attempts(self, leaf: Leaf, inputs: Inputs, outputs: Outputs) -> Made:
        """Runs the container until it succeeds, as often as its retry policy says."""
        policy = leaf.task.retry_policy
        allowed = 1 + max(policy.max_retry_count, 0)
        longest = policy.backoff_max_duration.ToTimedelta().total_seconds() or HOUR
        wait = policy.backoff_duration.ToTimedelta().total_seconds()
        retrying = Retrying(
            stop=stop_after_attempt(allowed) | stop_after_delay(min(longest, HOUR)),
            wait=wait_exponential(multiplier=wait, exp_base=policy.backoff_factor or 2),
            before_sleep=lambda state: PROGRESS.info("attempt %d of %d failed", state.attempt_number, allowed),
            retry=lambda state: isinstance(state.outcome and state.outcome.exception(), StepFailed | GateRefusal),
            reraise=True,
        )
        for attempt in retrying:
            number = attempt.retry_state.attempt_number
            if number > 1:
                PROGRESS.info("attempt %d of %d", number, allowed)
            with attempt:
                made = self._attempt(leaf, inputs, outputs)
        return made

    def _attempt(self, leaf: Leaf, inputs: Inputs, outputs: Outputs) -> Made:
        container = leaf.executor.container
        command = [*container.command, *container.args]
        place = self._place(leaf, outputs, command)
        place.download(artifact_uris(inputs))
        place.prepare(one.uri for one in outputs.artifacts.values())
        self._execute(leaf, command, inputs, outputs, place)
        made = collect(leaf, outputs, place)
        place.remove()
        return made

    def _execute(self, leaf: Leaf, words: list[str], inputs: Inputs, outputs: Outputs, place: Place) -> None:
        message = executor_input(leaf, self._spec.flavour, inputs, outputs, place)
        names = {
            **self._run.names,
            "pipeline_task_name": leaf.path[-1],
            "pipeline_task_uuid": str(outputs.execution),
        }
        values = Values(message, lambda uri: str(place.path(uri)), names)
        config = self._spec.platform.get(leaf.label, {})
        pod = f"{self._spec.name}-{leaf.name}"
        environment = environment_for(
            os.environ,
            environment_of(config, os.environ, pod),
            rewrite({one.name: one.value for one in leaf.executor.container.env}, place.mounts),
            place.environment,
            {"KFP_POD_NAME": pod, "KFP_RUN_ID": self._run.id},
        )
        given = [*message["inputs"]["parameterValues"], *(name for name, of in inputs.artifacts.items() if of)]
        filled = [values.fill(word) for word in rewrite(words_of(words, given), place.mounts)]
        logs = place.path(outputs.artifacts[LOGS].uri) if LOGS in outputs.artifacts else None
        place.prepare(one.uri for one in outputs.artifacts.values())
        execute(
            leaf.name, Command(filled, environment, logs, deadline_of(config)), self._folders.logs / f"{leaf.name}.log"
        )

    def _place(self, leaf: Leaf, outputs: Outputs, command: list[str]) -> Place:
        mounts = self._mounts(leaf)
        if self._spec.flavour is Flavour.VERTEX:
            place: Place = VertexTask(outputs.uri, self._folders.objects, mounts, command)
        else:
            place = KubeflowPod(self._pod(leaf), self._folders.objects, mounts)
        for mount in mounts:
            mount.folder.mkdir(parents=True, exist_ok=True)
        return place

    def _pod(self, leaf: Leaf) -> Path:
        """The same folder in each run and attempt, as a pod's paths are: a step may remember whence its model came."""
        return self._folders.pods / leaf.name

    def _mounts(self, leaf: Leaf) -> list[Mount]:
        config = self._spec.platform.get(leaf.label, {})
        return mounts_of(config, self._folders.volumes, self._pod(leaf) / "empty", self._run.parameters)
