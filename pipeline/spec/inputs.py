"""What a task is given: parameters and artifacts, from the pipeline's parameters and from what other tasks made.

As Kubeflow's driver resolves them (backend/src/v2/driver/resolve.go): through sub-DAGs, inward and outward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.spec.condition_values import ConditionError
from pipeline.spec.expression import is_true
from pipeline.spec.given import Inputs, NotMade, Run, selected, self_references, typed
from pipeline.spec.graph import Graph, Leaf, Scope
from pipeline.spec.loading import Flavour
from pipeline.spec.store import CACHED, COMPLETE, SKIPPED, Artifact, Execution, Store
from pipeline.spec.values import python_of
from schema.errors import StepFailed

STATES = {Flavour.KUBEFLOW: (COMPLETE, "FAILED"), Flavour.VERTEX: ("SUCCEEDED", "FAILED")}


class Resolution:
    """Resolves the inputs of one run's tasks; reads what was made from the store."""

    def __init__(self, graph: Graph, store: Store, run: Run) -> None:
        self._graph, self._store, self._run = graph, store, run

    def inputs(self, leaf: Leaf) -> Inputs:
        """Returns the inputs of a leaf.

        Raises:
          NotMade: one of them would have been made by a step that was skipped.
          StepFailed: one of them does not exist, or is of another type than declared.
        """
        return self._of_task(leaf.scope, leaf.task, leaf.component, leaf.path[-1])

    def unmet(self, leaf: Leaf) -> str:
        """Returns the first condition, from the outermost DAG inwards, that keeps a leaf from running; else "".

        Raises:
          NotMade: as `inputs`.
          StepFailed: as `inputs`, or a condition has no value.
        """
        scopes: list[Scope] = []
        scope: Scope | None = leaf.scope
        while scope and scope.above:
            scopes.insert(0, scope)
            scope = scope.above
        for one in scopes:
            assert one.above is not None
            if not self._holds(one.task, self._of_task(one.above, one.task, one.component, one.path[-1])):
                return str(one.task.trigger_policy.condition)
        return "" if self._holds(leaf.task, self.inputs(leaf)) else str(leaf.task.trigger_policy.condition)

    def _holds(self, task: Any, inputs: Inputs) -> bool:
        condition = task.trigger_policy.condition
        if not condition:
            return True
        artifacts = {name: {"artifacts": [_variables(one) for one in of]} for name, of in inputs.artifacts.items()}
        try:
            return is_true(condition, {"inputs": {"parameter_values": inputs.parameters, "artifacts": artifacts}})
        except ConditionError as error:
            raise StepFailed(f"The condition {condition!r} has no value: {error}.") from None

    def _of_scope(self, scope: Scope) -> Inputs:
        if scope.above is None:
            return Inputs(dict(self._run.parameters))
        inputs = self._of_task(scope.above, scope.task, scope.component, scope.path[-1])
        for name, one in scope.component.input_definitions.parameters.items():
            if name not in inputs.parameters and one.HasField("default_value"):
                inputs.parameters[name] = python_of(one.default_value)
        return inputs

    def _of_task(self, scope: Scope, task: Any, component: Any, name: str) -> Inputs:
        inputs = Inputs()
        given = self._of_scope(scope)
        declared = component.input_definitions
        for key, one in task.inputs.parameters.items():
            is_optional = key in declared.parameters and declared.parameters[key].is_optional
            try:
                value = self._parameter(scope, one, given, name)
            except NotMade:
                if not is_optional:
                    raise
                continue
            if value is not None:
                kind = declared.parameters[key].parameter_type if key in declared.parameters else 0
                inputs.parameters[key] = typed(name, key, selected(one, value), kind)
            elif not is_optional:
                raise StepFailed(f"The parameter {key!r} of {name} has no value.")
        for key, one in task.inputs.artifacts.items():
            try:
                inputs.artifacts[key] = self._artifacts(scope, one, given)
            except NotMade:
                if not (key in declared.artifacts and declared.artifacts[key].is_optional):
                    raise
        return self_references(inputs)

    def _parameter(self, scope: Scope, one: Any, given: Inputs, name: str) -> Any:
        match one.WhichOneof("kind"):
            case "component_input_parameter":
                return given.parameters.get(one.component_input_parameter)
            case "runtime_value":
                return self._constant(one.runtime_value, given, name)
            case "task_output_parameter":
                of = one.task_output_parameter
                return self.output_parameter(scope, of.producer_task, of.output_parameter_key)
            case "task_final_status":
                return self._final_status(scope, one.task_final_status.producer_task)
        raise StepFailed(f"A parameter of {name} says not where it comes from.")

    def _constant(self, value: Any, given: Inputs, name: str) -> Any:
        if value.WhichOneof("value") == "runtime_parameter":
            return given.parameters.get(value.runtime_parameter)
        constant = python_of(value.constant)
        names = {**self._run.names, "pipeline_task_name": name}
        found = {f"{{{{$.{key}}}}}": text for key, text in names.items()}
        return found.get(constant, constant) if isinstance(constant, str) else constant

    def _artifacts(self, scope: Scope, one: Any, given: Inputs) -> list[Artifact]:
        if one.WhichOneof("kind") == "component_input_artifact":
            return given.artifacts.get(one.component_input_artifact, [])
        of = one.task_output_artifact
        return self.output_artifacts(scope, of.producer_task, of.output_artifact_key)

    def output_parameter(self, scope: Scope, task: str, key: str) -> Any:
        """Returns an output parameter of a task of a scope."""
        if not self._graph.is_dag(scope, task):
            made = self._execution(scope, task)
            if key not in made.parameters:
                raise StepFailed(f"The task {task} has no output parameter {key!r}; it has {_named(made.parameters)}.")
            return made.parameters[key]
        inner = self._graph.scope(scope, task)
        declared = inner.component.dag.outputs.parameters
        if key not in declared:
            raise StepFailed(f"The task {task} has no output parameter {key!r}; it has {_named(declared)}.")
        one = declared[key]
        selectors = [one.value_from_parameter]
        if one.WhichOneof("kind") == "value_from_oneof":
            selectors = list(one.value_from_oneof.parameter_selectors)
        choices = [(each.producer_subtask, each.output_parameter_key) for each in selectors]
        return self._first(inner, choices, self.output_parameter)

    def output_artifacts(self, scope: Scope, task: str, key: str) -> list[Artifact]:
        """Returns an output artifact of a task of a scope: a list of one, or empty where a resolver found none."""
        if not self._graph.is_dag(scope, task):
            made = self._execution(scope, task)
            declared = self._graph.leaf(scope, task).component.output_definitions.artifacts
            if key not in {*made.artifacts, *declared}:
                raise StepFailed(f"The task {task} has no output artifact {key!r}; it has {_named(made.artifacts)}.")
            return [made.artifacts[key]] if key in made.artifacts else []
        inner = self._graph.scope(scope, task)
        declared = inner.component.dag.outputs.artifacts
        if key not in declared:
            raise StepFailed(f"The task {task} has no output artifact {key!r}; it has {_named(declared)}.")
        choices = [(each.producer_subtask, each.output_artifact_key) for each in declared[key].artifact_selectors]
        found: list[Artifact] = self._first(inner, choices, self.output_artifacts)
        return found

    def _first(self, scope: Scope, choices: Sequence[tuple[str, str]], resolve: Any) -> Any:
        """The first output that was made: branches of a condition may all be named, and one of them ran."""
        for task, key in choices:
            try:
                return resolve(scope, task, key)
            except NotMade:
                continue
        raise NotMade(f"none of {', '.join(task for task, _ in choices)} ran")

    def _execution(self, scope: Scope, task: str) -> Execution:
        leaf = self._graph.leaf(scope, task)
        made = self._store.of_step(self._run.id, leaf.name)
        if made is None or made.state == SKIPPED:
            raise NotMade(f"{leaf.name} was skipped")
        if made.state not in {COMPLETE, CACHED}:
            raise StepFailed(f"{leaf.name} failed, and made nothing.")
        return made

    def _final_status(self, scope: Scope, task: str) -> dict[str, Any]:
        """A PipelineTaskFinalStatus: how a task, or all of a DAG, ended."""
        made = [self._store.of_step(self._run.id, leaf.name) for leaf in self._graph.leaves_under(scope, task)]
        is_well = all(one is not None and one.state in {COMPLETE, CACHED, SKIPPED} for one in made)
        well, failed = STATES[self._run.flavour]
        return {
            "state": well if is_well else failed,
            "pipelineTaskName": task,
            "pipelineJobResourceName": self._run.names["pipeline_job_resource_name"],
            "error": {} if is_well else {"message": "a step failed"},
        }


def _variables(artifact: Artifact) -> dict[str, Any]:
    return {"name": str(artifact.id), "uri": artifact.uri, "metadata": artifact.metadata}


def _named(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "none"
