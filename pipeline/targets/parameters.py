"""Which values of a compiled DAG are parameters of the pipeline, so that a run can be given others without compiling.

TFX's own RuntimeParameter loses its default in a spec of schema 2.1. Here the compiled constants are lifted: each
becomes a parameter whose default is that constant.
"""

from __future__ import annotations

from typing import Any

from pipeline.packed import pack

Spec = dict[str, Any]
LIFTED = {
    "data_path": (("ExampleGen", "input_base"),),
    "destination": (("Pusher", "destination"),),
    "blessed_models": (("Baseline", "blessed_models"), ("Evaluator", "blessed_models")),
}


def lift(spec: Spec) -> None:
    """Makes the constants of `LIFTED` parameters of the pipeline, each with its value as the default."""
    tasks = spec["root"]["dag"]["tasks"]
    for parameter, places in LIFTED.items():
        for task, name in places:
            given = tasks.get(task, {}).get("inputs", {}).get("parameters", {}).get(name, {})
            if "runtimeValue" not in given:
                continue
            definition = {
                "parameterType": "STRING",
                "defaultValue": given["runtimeValue"]["constant"],
                "isOptional": True,
            }
            definitions = spec["root"].setdefault("inputDefinitions", {}).setdefault("parameters", {})
            definitions[parameter] = definition
            tasks[task]["inputs"]["parameters"][name] = {"componentInputParameter": parameter}


def pack_long(spec: Spec) -> None:
    """Packs the constants that are too long to travel as they are; each step's container unpacks them."""
    for task in spec["root"]["dag"]["tasks"].values():
        for given in task.get("inputs", {}).get("parameters", {}).values():
            value = given.get("runtimeValue", {}).get("constant")
            if isinstance(value, str):
                given["runtimeValue"]["constant"] = pack(value)
