from __future__ import annotations

from pipeline.targets import drivers
from tests.targets.specs import two_steps

DRIVER = {"Reader": "a.module.Driver"}


def test_on_kubeflow_a_driver_is_a_task_before_its_step() -> None:
    """The step waits for the driver, takes what it found as a parameter, and the driver is never cached."""
    spec = two_steps()
    drivers.as_tasks(spec, DRIVER)
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["Reader"]["dependentTasks"] == ["Reader-lookup"]
    assert tasks["Reader"]["inputs"]["parameters"]["driver_output"] == {
        "taskOutputParameter": {"producerTask": "Reader-lookup", "outputParameterKey": "found"}
    }
    assert tasks["Reader"]["cachingOptions"] == {"enableCache": True}
    assert tasks["Reader-lookup"]["cachingOptions"] == {}
    assert tasks["Writer"]["dependentTasks"] == ["Reader"]


def test_a_driver_is_told_what_its_step_is_told() -> None:
    """It has the same inputs, but for its own output, and the same arguments, but for its class."""
    spec = two_steps()
    drivers.as_tasks(spec, DRIVER)
    assert spec["root"]["dag"]["tasks"]["Reader-lookup"]["inputs"] == {
        "parameters": {"where": {"runtimeValue": {"constant": "here"}}}
    }
    step, driver = drivers.container_of(spec, "Reader"), drivers.container_of(spec, "Reader-lookup")
    assert driver["args"] == ["--driver_class_path", "a.module.Driver", *step["args"][2:]]
    assert driver["image"] == step["image"]
    assert spec["components"]["Reader-lookup"]["inputDefinitions"] == {
        "parameters": {"where": {"parameterType": "STRING"}}
    }
    assert spec["components"]["Reader-lookup"]["outputDefinitions"] == {
        "parameters": {"found": {"parameterType": "STRING"}}
    }


def test_on_vertex_a_driver_is_a_hook_of_its_step() -> None:
    """No task is added; the step's container has the driver as its preCacheCheck."""
    spec = two_steps()
    drivers.as_hooks(spec, DRIVER)
    assert list(spec["root"]["dag"]["tasks"]) == ["Reader", "Writer"]
    hook = drivers.container_of(spec, "Reader")["lifecycle"]["preCacheCheck"]
    assert hook["command"] == ["python", "-m", "pipeline.container"]
    assert hook["args"][:2] == ["--driver_class_path", "a.module.Driver"]
    assert "lifecycle" not in drivers.container_of(spec, "Writer")
