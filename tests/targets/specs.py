"""A pipeline spec of two steps, as TFX's builder makes them."""

from __future__ import annotations

from typing import Any


def two_steps() -> dict[str, Any]:
    """Reader, which has a driver, and Writer, which takes what it reads."""
    return {
        "pipelineInfo": {"name": "two"},
        "components": {name: _component(name) for name in ("Reader", "Writer")},
        "deploymentSpec": {
            "executors": {f"{name}_executor": {"container": _container(name)} for name in ("Reader", "Writer")}
        },
        "root": {
            "dag": {
                "tasks": {
                    "Reader": {
                        "componentRef": {"name": "Reader"},
                        "cachingOptions": {"enableCache": True},
                        "inputs": {"parameters": {"where": {"runtimeValue": {"constant": "here"}}}},
                    },
                    "Writer": {
                        "componentRef": {"name": "Writer"},
                        "dependentTasks": ["Reader"],
                        "inputs": {
                            "artifacts": {
                                "rows": {"taskOutputArtifact": {"producerTask": "Reader", "outputArtifactKey": "rows"}}
                            }
                        },
                    },
                }
            }
        },
    }


def _component(name: str) -> dict[str, Any]:
    return {
        "executorLabel": f"{name}_executor",
        "inputDefinitions": {"parameters": {"where": {"parameterType": "STRING"}}},
    }


def _container(name: str) -> dict[str, Any]:
    return {
        "image": "an/image:1",
        "command": ["python", "-m", "pipeline.container"],
        "args": ["--executor_class_path", f"a.module.{name}", "--json_serialized_invocation_args", "{{$}}", "--x=1"],
    }
