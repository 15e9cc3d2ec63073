"""What the spec itself can say of a step's resources: cores, memory, accelerators, retries, environment."""

from __future__ import annotations

from typing import Any

from pipeline.targets.drivers import SUFFIX, container_of
from pipeline.targets.parameters import Spec
from pipeline.targets.settings import DEFAULT, StepSettings, seconds_of
from schema.errors import UsageError, did_you_mean

GIGABYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
BACKOFF_FACTOR = 2.0
# Kubeflow hands it to Argo as backoff.maxDuration, which is counted from the start of the first attempt: it ends a
# later attempt that runs, and where it lacks it is 0, and nothing is tried again. So it is longer than any step.
LAST_RETRY = f"{30 * 86400}s"
Steps = dict[str, StepSettings]


def settings_by_task(settings: Steps, tasks: list[str]) -> Steps:
    """Returns the settings of each task, the default ones below; a driver has those of its step, but for GPUs.

    Raises:
      UsageError: there is no such step.
    """
    steps = [task for task in tasks if not task.endswith(SUFFIX)]
    for name in settings:
        if name != DEFAULT and name not in steps:
            raise UsageError(f"'steps.{name}': the pipeline has no such step. {did_you_mean(name, [*steps, DEFAULT])}")
    default = settings.get(DEFAULT, StepSettings())
    return {task: _settings_of(task, settings, default) for task in tasks}


def apply(spec: Spec, settings: Steps, *, by_resource_name: bool) -> None:
    """Writes the settings into the spec.

    Args:
      spec: is changed.
      settings: by task.
      by_resource_name: also as the texts that Kubernetes takes, which newer Kubeflow prefers and Vertex does not know.
    """
    for task, wanted in settings.items():
        container = container_of(spec, task)
        if wanted.image:
            container["image"] = wanted.image
        if wanted.env:
            container["env"] = [{"name": name, "value": value} for name, value in sorted(wanted.env.items())]
        resources = _resources(wanted, by_resource_name=by_resource_name)
        if resources:
            container["resources"] = resources
        if wanted.retries:
            policy = _retry_policy(wanted) | ({"backoffMaxDuration": LAST_RETRY} if by_resource_name else {})
            spec["root"]["dag"]["tasks"][task]["retryPolicy"] = policy


def _settings_of(task: str, settings: Steps, default: StepSettings) -> StepSettings:
    own = settings.get(task.removesuffix(SUFFIX), StepSettings()).over(default)
    return own.model_copy(update={"accelerator": None}) if task.endswith(SUFFIX) else own


def _resources(wanted: StepSettings, *, by_resource_name: bool) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    if wanted.cpu:
        cores = _cores(wanted.cpu)
        resources |= {"cpuRequest": cores, "cpuLimit": cores}
        if by_resource_name:
            resources |= {"resourceCpuRequest": wanted.cpu, "resourceCpuLimit": wanted.cpu}
    if wanted.memory:
        gigabytes = _gigabytes(wanted.memory)
        resources |= {"memoryRequest": gigabytes, "memoryLimit": gigabytes}
        if by_resource_name:
            resources |= {"resourceMemoryRequest": wanted.memory, "resourceMemoryLimit": wanted.memory}
    if wanted.accelerator:
        kind, count = wanted.accelerator.type, str(wanted.accelerator.count)
        resources["accelerator"] = {"type": kind, "count": count}
        if by_resource_name:
            resources["accelerator"] |= {"resourceType": kind, "resourceCount": count}
    return resources


def _retry_policy(wanted: StepSettings) -> dict[str, Any]:
    policy: dict[str, Any] = {"maxRetryCount": wanted.retries}
    if wanted.retry_after:
        policy |= {"backoffDuration": f"{seconds_of(wanted.retry_after)}s", "backoffFactor": BACKOFF_FACTOR}
    return policy


def _cores(cpu: str) -> float:
    return float(cpu[:-1]) / 1000 if cpu.endswith("m") else float(cpu)


def _gigabytes(memory: str) -> float:
    """Gigabytes of 10⁹ bytes, as the spec counts them (kfp's `set_memory_limit` converts in the same way)."""
    unit = memory.lstrip("0123456789.")
    return float(memory[: -len(unit)]) * GIGABYTES[unit] / 1e9
