"""The tasks of a spec as one graph: sub-DAGs are opened, so that a step is a container, an importer or a resolver."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipeline.spec.condition_values import ConditionError
from pipeline.spec.expression import parse
from pipeline.spec.loading import Flavour, Spec
from pipeline.steps import Step
from schema.errors import UsageError, did_you_mean

ARGO_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
IMPLEMENTED = {
    Flavour.KUBEFLOW: ("container", "importer"),
    Flavour.VERTEX: ("container", "importer", "resolver"),
}


@dataclass(frozen=True)
class Scope:
    """A DAG that is run: the pipeline itself, or a component that a task of the scope above runs."""

    path: tuple[str, ...]
    component: Any
    task: Any = None
    above: Scope | None = None

    @property
    def tasks(self) -> Mapping[str, Any]:
        """The tasks of this DAG, by name."""
        return dict(self.component.dag.tasks)


@dataclass(frozen=True)
class Leaf:
    """A task that does work.

    Attributes:
      name: what a person reads; unique.
      path: the names of the tasks that lead to it.
      task: its PipelineTaskSpec; `component` and `executor` are its ComponentSpec and ExecutorSpec.
      label: the executor's label.
      scope: the DAG in which it stands.
      upstream: the names of the leaves that end before it begins.
      is_last: it begins whether they succeeded or not, as an exit handler does.
    """

    name: str
    path: tuple[str, ...]
    task: Any
    component: Any
    executor: Any
    label: str
    scope: Scope
    upstream: tuple[str, ...]
    is_last: bool


class Graph:
    """The leaves of a spec, each after those that it needs.

    Raises:
      UsageError: a task, component or executor that is named does not exist, tasks wait for each other, an input lacks,
        a condition cannot be read, or the backend does not run something.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.root = Scope((), spec.pipeline.root)
        self._scopes: dict[tuple[str, ...], Scope] = {(): self.root}
        found = list(self._open(self.root, ()))
        if not found:
            raise UsageError(f"The pipeline {spec.name!r} has no step.")
        short = Counter(leaf.path[-1] for leaf in found)
        names = {leaf.name: leaf.path[-1] if short[leaf.path[-1]] == 1 else leaf.name for leaf in found}
        named = (
            replace(leaf, name=names[leaf.name], upstream=tuple(names[one] for one in leaf.upstream)) for leaf in found
        )
        self.leaves: dict[str, Leaf] = {leaf.name: leaf for leaf in named}

    @property
    def steps(self) -> list[Step]:
        """The leaves as the local runner knows them."""
        return [Step(leaf.name, leaf.upstream, leaf.is_last) for leaf in self.leaves.values()]

    def component(self, task: Any, name: str) -> Any:
        """Returns the component that a task runs."""
        wanted = task.component_ref.name
        components = self._spec.pipeline.components
        if wanted not in components:
            raise UsageError(
                f"The task {name!r} runs the component {wanted!r}, which does not exist. "
                f"{did_you_mean(wanted, components)}"
            )
        return components[wanted]

    def scope(self, above: Scope, task: str) -> Scope:
        """Returns the DAG that a task of a scope runs."""
        return self._scopes[(*above.path, task)]

    def is_dag(self, scope: Scope, task: str) -> bool:
        """Whether a task of a scope runs a DAG."""
        return (*scope.path, task) in self._scopes

    def leaf(self, scope: Scope, task: str) -> Leaf:
        """Returns the leaf that a task of a scope is."""
        return next(leaf for leaf in self.leaves.values() if leaf.path == (*scope.path, task))

    def leaves_under(self, scope: Scope, task: str) -> list[Leaf]:
        """Returns the leaves of a task: itself, or all of its DAG."""
        path = (*scope.path, task)
        return [leaf for leaf in self.leaves.values() if leaf.path[: len(path)] == path]

    def _open(self, scope: Scope, before: tuple[str, ...]) -> Iterator[Leaf]:
        """Yields the leaves of a scope; `before` are the leaves that end before any of them begins."""
        made: dict[str, list[str]] = {}
        for name in _in_order(scope):
            task = scope.tasks[name]
            component = self.component(task, name)
            self._check(name, task, component)
            upstream = tuple(dict.fromkeys([*before, *(leaf for other in _needed(task) for leaf in made[other])]))
            if component.WhichOneof("implementation") == "dag":
                inner = Scope((*scope.path, name), component, task, scope)
                self._scopes[inner.path] = inner
                leaves = list(self._open(inner, upstream))
            else:
                leaves = [self._leaf(scope, name, task, component, upstream)]
            made[name] = [leaf.name for leaf in leaves]
            yield from leaves

    def _leaf(self, scope: Scope, name: str, task: Any, component: Any, upstream: tuple[str, ...]) -> Leaf:
        label = component.executor_label
        if label not in self._spec.executors:
            raise UsageError(
                f"The task {name!r} needs the executor {label!r}, which does not exist. "
                f"{did_you_mean(label, self._spec.executors)}"
            )
        executor = self._spec.executors[label]
        kind = executor.WhichOneof("spec")
        if kind not in IMPLEMENTED[self._spec.flavour]:
            raise UsageError(
                f"The task {name!r} is a {kind or 'task without a specification'}, which "
                f"{BACKENDS[self._spec.flavour]} does not run; it runs {', '.join(IMPLEMENTED[self._spec.flavour])}."
            )
        path = (*scope.path, name)
        strategy = task.trigger_policy.strategy
        is_last = strategy == task.trigger_policy.ALL_UPSTREAM_TASKS_COMPLETED
        return Leaf(".".join(path), path, task, component, executor, label, scope, upstream, is_last)

    def _check(self, name: str, task: Any, component: Any) -> None:
        if self._spec.flavour is Flavour.KUBEFLOW and not ARGO_NAME.fullmatch(name):
            raise UsageError(f"The task {name!r}: Argo, which runs Kubeflow's tasks, takes letters, digits and - only.")
        if task.WhichOneof("iterator"):
            raise UsageError(f"The task {name!r} is a loop (ParallelFor, ForEach), which cannot be run here.")
        try:
            parse(task.trigger_policy.condition or "true")
        except ConditionError as error:
            raise UsageError(f"The task {name!r}: {error}.") from None
        declared = component.input_definitions
        for kind, wanted, given in (
            ("parameter", declared.parameters, task.inputs.parameters),
            ("artifact", declared.artifacts, task.inputs.artifacts),
        ):
            for key, one in wanted.items():
                has_default = kind == "parameter" and one.HasField("default_value")
                if key not in given and not one.is_optional and not has_default:
                    raise UsageError(f"The task {name!r} lacks the {kind} {key!r}, which its component needs.")


BACKENDS = {Flavour.KUBEFLOW: "open-source Kubeflow Pipelines", Flavour.VERTEX: "Penstock"}


def _in_order(scope: Scope) -> list[str]:
    """The tasks of a DAG, each after those that it needs."""
    needs = {}
    for name, task in sorted(scope.tasks.items()):
        needs[name] = _needed(task)
        for other in needs[name]:
            if other not in scope.tasks:
                raise UsageError(
                    f"The task {name!r} needs the task {other!r}, which does not exist. "
                    f"{did_you_mean(other, scope.tasks)}"
                )
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise UsageError(f"Tasks wait for each other: {' → '.join(error.args[1])}.") from None


def _needed(task: Any) -> list[str]:
    """The tasks of the same DAG that a task comes after."""
    needed = list(task.dependent_tasks)
    needed += [one.task_output_artifact.producer_task for one in task.inputs.artifacts.values()]
    for one in task.inputs.parameters.values():
        needed += [one.task_output_parameter.producer_task, one.task_final_status.producer_task]
    return sorted(set(filter(None, needed)))
