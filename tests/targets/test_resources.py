from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kfp.compiler import compiler_utils

from pipeline.targets import drivers, resources
from pipeline.targets.settings import Accelerator, StepSettings
from schema.errors import UsageError
from tests.targets.specs import two_steps


def test_a_step_has_its_own_settings_over_the_default_ones() -> None:
    """Mappings are laid over each other key by key, anything else is replaced whole."""
    default = StepSettings(cpu="1", memory="4Gi", labels={"team": "a", "cost": "b"})
    settings = {"default": default, "Writer": StepSettings(cpu="4", labels={"team": "c"})}
    by_task = resources.settings_by_task(settings, ["Reader", "Writer"])
    assert by_task["Reader"] == default
    assert by_task["Writer"] == StepSettings(cpu="4", memory="4Gi", labels={"team": "c", "cost": "b"})


def test_a_driver_has_its_steps_settings_without_its_gpus() -> None:
    """Looking at files needs no GPU."""
    wanted = StepSettings(cpu="2", accelerator=Accelerator(type="nvidia.com/gpu"))
    by_task = resources.settings_by_task({"Reader": wanted}, ["Reader", "Reader-lookup"])
    assert by_task["Reader-lookup"].cpu == "2"
    assert by_task["Reader-lookup"].accelerator is None


def test_settings_of_no_step_are_refused() -> None:
    """The message names the nearest step."""
    with pytest.raises(UsageError, match=r"'steps.Writter': the pipeline has no such step. Did you mean 'Writer'\?"):
        resources.settings_by_task({"Writter": StepSettings()}, ["Reader", "Writer"])


def test_the_spec_says_cores_gigabytes_gpus_retries_and_variables() -> None:
    """Each setting is where Kubeflow's launcher and driver read it, as kfp's own compiler writes it."""
    spec = two_steps()
    wanted = StepSettings(
        image="another/image:2",
        cpu="500m",
        memory="8Gi",
        accelerator=Accelerator(type="nvidia.com/gpu", count=2),
        retries=3,
        retry_after="30s",
        env={"A": "b"},
    )
    resources.apply(spec, {"Writer": wanted}, by_resource_name=True)
    container = drivers.container_of(spec, "Writer")
    assert container["image"] == "another/image:2"
    assert container["env"] == [{"name": "A", "value": "b"}]
    assert container["resources"] == {
        "cpuLimit": 0.5,
        "cpuRequest": 0.5,
        "memoryLimit": 8.589934592,
        "memoryRequest": 8.589934592,
        "resourceCpuLimit": "500m",
        "resourceCpuRequest": "500m",
        "resourceMemoryLimit": "8Gi",
        "resourceMemoryRequest": "8Gi",
        "accelerator": {"type": "nvidia.com/gpu", "count": "2", "resourceType": "nvidia.com/gpu", "resourceCount": "2"},
    }
    assert spec["root"]["dag"]["tasks"]["Writer"]["retryPolicy"] == {
        "maxRetryCount": 3,
        "backoffDuration": "30s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "2592000s",
    }
    assert "resources" not in drivers.container_of(spec, "Reader")


def test_vertex_gets_numbers_alone() -> None:
    """It knows no texts of Kubernetes, and has a longest time of its own for what is tried again."""
    spec = two_steps()
    resources.apply(spec, {"Writer": StepSettings(cpu="4", memory="16G", retries=2)}, by_resource_name=False)
    assert spec["root"]["dag"]["tasks"]["Writer"]["retryPolicy"] == {"maxRetryCount": 2}
    assert drivers.container_of(spec, "Writer")["resources"] == {
        "cpuLimit": 4.0,
        "cpuRequest": 4.0,
        "memoryLimit": 16.0,
        "memoryRequest": 16.0,
    }


@given(st.integers(1, 4096), st.sampled_from(list(resources.GIGABYTES)))
def test_memory_is_converted_as_kfp_does(size: int, unit: str) -> None:
    """Gigabytes are those of kfp's own compiler."""
    spec = two_steps()
    resources.apply(spec, {"Writer": StepSettings(memory=f"{size}{unit}")}, by_resource_name=False)
    ours = drivers.container_of(spec, "Writer")["resources"]["memoryLimit"]
    assert ours == pytest.approx(compiler_utils._memory_to_float(f"{size}{unit}"))
