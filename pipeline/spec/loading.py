"""A compiled spec, read from its file and checked as the backend checks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from schema.errors import UsageError

SCHEMA = "2.1.0"
HOW = "Compile one with: penstock compile CONFIG… --target kubeflow -o pipeline.yaml."


class Flavour(StrEnum):
    """Whose dialect a spec is written in: that of open-source Kubeflow Pipelines, or of Vertex AI."""

    KUBEFLOW = "kubeflow"
    VERTEX = "vertex"


@dataclass(frozen=True)
class Spec:
    """A spec.

    Attributes:
      name: the pipeline's name.
      flavour: whose dialect it is.
      pipeline: kfp's PipelineSpec.
      executors: kfp's ExecutorSpec of each label.
      platform: what the `platforms:` document says of each label, for Kubernetes.
      values: run-time parameters that the file itself gives, as a PipelineJob may.
      root: where artifacts go, an address; empty where the file does not say.
    """

    name: str
    flavour: Flavour
    pipeline: Any
    executors: Mapping[str, Any]
    platform: Mapping[str, Mapping[str, Any]]
    values: Mapping[str, Any]
    root: str


def load(file: Path) -> Spec:
    """Returns the spec in a file: YAML of one or two documents, or the JSON of a PipelineJob.

    Raises:
      UsageError: there is no such file, it is no spec, or of a schema that the backend does not run.
    """
    documents = _documents(file)
    jobs = [one for one in documents if "pipelineSpec" in one]
    specs = [one for one in documents if "pipelineInfo" in one]
    platforms = [one["platforms"] for one in documents if "platforms" in one]
    if len(jobs) + len(specs) != 1 or len(jobs) + len(specs) + len(platforms) != len(documents):
        said = "; ".join(", ".join(sorted(map(str, one))[:4]) for one in documents) or "nothing"
        raise UsageError(
            f"{file}: not a compiled pipeline spec: one document is to have 'pipelineInfo' or, for Vertex AI, "
            f"'pipelineSpec', and one more may have 'platforms'. Found: {said}. {HOW}"
        )
    content = jobs[0]["pipelineSpec"] if jobs else specs[0]
    return _spec(file, content, jobs[0] if jobs else None, _of_kubernetes(file, platforms))


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}. {HOW}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not text in UTF-8: {error.reason}. {HOW}") from error
    try:
        documents = [json.loads(text)] if text.lstrip().startswith("{") else list(yaml.safe_load_all(text))
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{file}: neither YAML nor JSON: {' '.join(str(error).split())}. {HOW}") from error
    documents = [document for document in documents if document is not None]
    if not all(isinstance(document, dict) for document in documents):
        raise UsageError(f"{file}: not a compiled pipeline spec: each document is to be a mapping. {HOW}")
    return documents


def _spec(file: Path, content: Any, job: Mapping[str, Any] | None, platform: Mapping[str, Any]) -> Spec:
    from kfp.pipeline_spec import pipeline_spec_pb2

    parsed = _parsed(file, content, pipeline_spec_pb2.PipelineSpec())
    flavour = Flavour.KUBEFLOW if job is None else Flavour.VERTEX
    _check(file, parsed, flavour)
    deployment = _parsed(file, content.get("deploymentSpec", {}), pipeline_spec_pb2.PipelineDeploymentConfig())
    runtime = (job or {}).get("runtimeConfig") or {}
    return Spec(
        name=parsed.pipeline_info.name,
        flavour=flavour,
        pipeline=parsed,
        executors=dict(deployment.executors),
        platform=platform,
        values=runtime.get("parameterValues") or {},
        root=str(runtime.get("gcsOutputDirectory") or parsed.default_pipeline_root),
    )


def _parsed(file: Path, content: Any, message: Any) -> Any:
    from google.protobuf import json_format

    try:
        return json_format.ParseDict(content, message)
    except (json_format.ParseError, TypeError, AttributeError) as error:
        kind = message.DESCRIPTOR.name
        raise UsageError(f"{file}: not a {kind} as kfp knows it: {error}. {HOW}") from error


def _check(file: Path, pipeline: Any, flavour: Flavour) -> None:
    version = pipeline.schema_version
    if version != SCHEMA:
        whose = "Kubeflow Pipelines 2 runs" if flavour is Flavour.KUBEFLOW else "Penstock runs"
        raise UsageError(
            f"{file}: 'schemaVersion' is {version!r}, and {whose} {SCHEMA} only. Compile it with "
            "use_pipeline_spec_2_1, as penstock compile does."
        )
    name = pipeline.pipeline_info.name
    if not name or Path(name).name != name or name.startswith("."):
        raise UsageError(f"{file}: 'pipelineInfo.name' is {name!r}: it becomes a folder's name. {HOW}")


def _of_kubernetes(file: Path, platforms: list[Any]) -> Mapping[str, Any]:
    """Returns what the platforms document says of each executor."""
    content: Any = platforms[0] if platforms else {}
    for key in ("kubernetes", "deploymentSpec", "executors"):
        if not isinstance(content, dict):
            break
        content = content.get(key) or {}
    if not isinstance(content, dict) or not all(isinstance(of_one, dict) for of_one in content.values()):
        raise UsageError(
            f"{file}: the document 'platforms' is to hold kubernetes: {{deploymentSpec: {{executors: {{label: …}}}}}}."
        )
    return content
