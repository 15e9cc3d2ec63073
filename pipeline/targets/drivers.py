"""Steps that look at the world before the cache is asked: ExampleGen at the files, Baseline at the blessed models.

Vertex AI has a hook for that, `lifecycle.preCacheCheck`. Kubeflow Pipelines ignores it: there a step becomes two, the
driver, which is never cached, and the step itself, whose cache key holds what the driver found.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pipeline.targets.parameters import Spec

SUFFIX = "-lookup"  # Kubeflow itself adds a node `<task>-driver` for each task (argocompiler, dag.go)
FOUND = "found"  # the driver's output: the properties it resolved, as JSON
DRIVER_OUTPUT = "driver_output"  # the step's input that takes it
EXECUTOR_CLASS, DRIVER_CLASS = "--executor_class_path", "--driver_class_path"


def as_tasks(spec: Spec, drivers: Mapping[str, str]) -> None:
    """Gives each step of `drivers` (id: path of the driver's class) a driver as a task before it."""
    for step, driver in drivers.items():
        _add_task(spec, step, driver)


def as_hooks(spec: Spec, drivers: Mapping[str, str]) -> None:
    """Gives each step of `drivers` its driver as the hook that Vertex runs before it asks its cache."""
    for step, driver in drivers.items():
        container = container_of(spec, step)
        container["lifecycle"] = {
            "preCacheCheck": {"command": container["command"], "args": _driver_args(container, driver)}
        }


def container_of(spec: Spec, step: str) -> dict[str, Any]:
    """Returns the container of a step."""
    label = spec["components"][component_of(spec, step)]["executorLabel"]
    container: dict[str, Any] = spec["deploymentSpec"]["executors"][label]["container"]
    return container


def component_of(spec: Spec, step: str) -> str:
    """Returns the name of a step's component."""
    return str(spec["root"]["dag"]["tasks"][step]["componentRef"]["name"])


def _add_task(spec: Spec, step: str, driver: str) -> None:
    name, tasks, components = step + SUFFIX, spec["root"]["dag"]["tasks"], spec["components"]
    component = components[component_of(spec, step)]
    container = container_of(spec, step)
    container.pop("lifecycle", None)
    label = f"{component['executorLabel']}{SUFFIX}"
    spec["deploymentSpec"]["executors"][label] = {
        "container": container | {"args": _driver_args(container, driver)},
    }
    components[name] = {
        "executorLabel": label,
        "outputDefinitions": {"parameters": {FOUND: {"parameterType": "STRING"}}},
    } | ({"inputDefinitions": copy.deepcopy(component["inputDefinitions"])} if "inputDefinitions" in component else {})
    task = tasks[step]
    tasks[name] = {
        "componentRef": {"name": name},
        "taskInfo": {"name": name},
        "cachingOptions": {},
    } | {key: copy.deepcopy(task[key]) for key in ("inputs", "dependentTasks") if key in task}
    _take(task, component, name)


def _take(task: Spec, component: Spec, driver: str) -> None:
    """Has a step wait for its driver, and take what that found."""
    task.setdefault("dependentTasks", []).append(driver)
    task.setdefault("inputs", {}).setdefault("parameters", {})[DRIVER_OUTPUT] = {
        "taskOutputParameter": {"producerTask": driver, "outputParameterKey": FOUND}
    }
    definitions = component.setdefault("inputDefinitions", {}).setdefault("parameters", {})
    definitions[DRIVER_OUTPUT] = {"parameterType": "STRING"}


def _driver_args(container: Mapping[str, Any], driver: str) -> list[str]:
    """The step's own arguments, with the driver's class in place of the executor's."""
    args = list(container["args"])
    place = args.index(EXECUTOR_CLASS)
    args[place : place + 2] = [DRIVER_CLASS, driver]
    return args
