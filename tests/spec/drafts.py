"""Small pipeline specs, written by hand as kfp compiles them: each step is a line of shell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ARTIFACT = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
THING = "{{$.outputs.artifacts['thing'].path}}"
TAKEN = "{{$.inputs.artifacts['thing'].path}}"


class Draft:
    """A DAG in the making, with the components and executors that it needs."""

    def __init__(self, name: str = "demo") -> None:
        self.name = name
        self.tasks: dict[str, Any] = {}
        self.components: dict[str, Any] = {}
        self.executors: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self.platform: dict[str, Any] = {}

    def parameter(self, name: str, kind: str, **more: Any) -> Draft:
        """Declares a parameter of the pipeline."""
        self.parameters[name] = {"parameterType": kind, **more}
        return self

    def step(
        self,
        name: str,
        shell: str,
        *,
        makes: Mapping[str, Any] | Sequence[str] = (),
        gives: Mapping[str, str] | None = None,
        takes: Mapping[str, str] | None = None,
        reads: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        container: Mapping[str, Any] | None = None,
        **task: Any,
    ) -> Draft:
        """Adds a step.

        Args:
          name: the task's, its component's and its executor's.
          shell: what its container runs.
          makes: its output artifacts, and perhaps their types.
          gives: its output parameters and their types.
          takes: its input artifacts: `task.output` each, or `$input` of the DAG.
          reads: its input parameters: `task.output`, `$parameter`, or a constant in a list of one.
          env: its container's environment.
          container: more of its container.
          task: more of its PipelineTaskSpec.
        """
        types = makes if isinstance(makes, Mapping) else dict.fromkeys(makes, ARTIFACT)
        outputs = {
            "artifacts": {key: {"artifactType": kind} for key, kind in types.items()},
            "parameters": {key: {"parameterType": kind} for key, kind in (gives or {}).items()},
        }
        self.executors[name] = {
            "container": {
                "image": "busybox",
                "command": ["sh", "-ec", shell],
                "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
                **(container or {}),
            }
        }
        return self.task(name, outputs=outputs, takes=takes, reads=reads, executorLabel=name, **task)

    def task(
        self,
        name: str,
        *,
        outputs: Mapping[str, Any] | None = None,
        takes: Mapping[str, str] | None = None,
        reads: Mapping[str, Any] | None = None,
        executorLabel: str | None = None,  # noqa: N803  # as the spec spells it
        dag: Draft | None = None,
        types: Mapping[str, str] | None = None,
        optional: Sequence[str] = (),
        **task: Any,
    ) -> Draft:
        """Adds a task of any kind, and its component; `dag` is what it runs where that is no executor."""
        takes, reads = takes or {}, reads or {}
        inputs = {
            "artifacts": {key: {"artifactType": ARTIFACT, "isOptional": key in optional} for key in takes},
            "parameters": {
                key: {"parameterType": (types or {}).get(key, _kind(value)), "isOptional": key in optional}
                for key, value in reads.items()
            },
        }
        body = {"dag": dag.dag(outputs)} if dag else {"executorLabel": executorLabel}
        if dag:
            self.components |= dag.components
            self.executors |= dag.executors
            self.platform |= dag.platform
            outputs = {key: {name: one["declared"] for name, one in of.items()} for key, of in (outputs or {}).items()}
        self.components[name] = {"inputDefinitions": inputs, "outputDefinitions": outputs or {}, **body}
        self.tasks[name] = {
            "taskInfo": {"name": name},
            "componentRef": {"name": name},
            "inputs": {
                "artifacts": {key: _artifact(value) for key, value in takes.items()},
                "parameters": {key: _parameter(value) for key, value in reads.items()},
            },
            **task,
        }
        return self

    def dag(self, outputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Returns the DAG itself, with the outputs that it passes on."""
        passed = {key: {name: one["from"] for name, one in of.items()} for key, of in (outputs or {}).items()}
        return {"tasks": self.tasks, "outputs": passed}

    @property
    def content(self) -> dict[str, Any]:
        """The spec."""
        return {
            "pipelineInfo": {"name": self.name},
            "schemaVersion": "2.1.0",
            "sdkVersion": "by hand",
            "root": {"inputDefinitions": {"parameters": self.parameters}, "dag": {"tasks": self.tasks}},
            "components": self.components,
            "deploymentSpec": {"executors": self.executors},
        }

    def write(self, folder: Path) -> Path:
        """Writes it as Kubeflow takes it: YAML, with a second document where there is something to say."""
        documents: list[Any] = [self.content]
        if self.platform:
            documents.append({"platforms": {"kubernetes": {"deploymentSpec": {"executors": self.platform}}}})
        return write(folder / f"{self.name}.yaml", *documents)

    def write_job(self, folder: Path, **runtime: Any) -> Path:
        """Writes it as Vertex AI takes it: the JSON of a PipelineJob."""
        runtime_config = {"gcsOutputDirectory": "gs://bucket/root", **runtime}
        file = folder / f"{self.name}.json"
        file.write_text(json.dumps({"pipelineSpec": self.content, "runtimeConfig": runtime_config}), encoding="utf-8")
        return file


def write(file: Path, *documents: Any) -> Path:
    """Writes YAML documents, and returns their file."""
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return file


def chain() -> Draft:
    """Two steps: one makes a thing and counts, the other reads both."""
    return (
        Draft()
        .parameter("who", "STRING", defaultValue="you")
        .step(
            "make",
            f"mkdir {THING}; echo hello $0 > {THING}/file; echo 7 > {{{{$.outputs.parameters['n'].output_file}}}}",
            makes=["thing"],
            gives={"n": "NUMBER_INTEGER"},
            reads={"who": "$who"},
            container={"args": ["{{$.inputs.parameters['who']}}"]},
            cachingOptions={"enableCache": True},
        )
        .step(
            "read",
            f"cat {TAKEN}/file; test {{{{$.inputs.parameters['n']}}}} = 7",
            takes={"thing": "make.thing"},
            reads={"n": "make.n"},
            types={"n": "NUMBER_INTEGER"},
            cachingOptions={"enableCache": True},
        )
    )


def _artifact(source: str) -> dict[str, Any]:
    if source.startswith("$"):
        return {"componentInputArtifact": source[1:]}
    task, _, key = source.partition(".")
    return {"taskOutputArtifact": {"producerTask": task, "outputArtifactKey": key}}


def _parameter(source: Any) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, list):
        return {"runtimeValue": {"constant": source[0]}}
    if source.startswith("$"):
        return {"componentInputParameter": source[1:]}
    task, _, key = source.partition(".")
    return {"taskOutputParameter": {"producerTask": task, "outputParameterKey": key}}


def _kind(source: Any) -> str:
    value = source[0] if isinstance(source, list) else ""
    kinds = {bool: "BOOLEAN", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", list: "LIST", dict: "STRUCT"}
    return kinds.get(type(value), "STRING")
