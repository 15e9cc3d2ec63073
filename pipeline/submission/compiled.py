"""What a compiled file says: who runs it, what it is called, its parameters and its steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from schema.errors import UsageError

KUBEFLOW, VERTEX = "kubeflow", "vertex"
HASH_LENGTH = 12
Document = dict[str, Any]
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # written in C where it was built: 10 times as fast


@dataclass(frozen=True)
class Parameter:
    """A parameter of a pipeline: its name, its type as the spec has it, and whether a run must be given it."""

    name: str
    type: str
    is_required: bool


@dataclass(frozen=True)
class CompiledPipeline:
    """A compiled file: for Kubeflow its YAML documents, the spec and its platforms; for Vertex one PipelineJob."""

    file: Path
    target: str
    documents: tuple[Document, ...]
    is_as_read: bool = True

    @property
    def spec(self) -> Document:
        first = self.documents[0]
        return dict(first["pipelineSpec"]) if self.target == VERTEX else first

    @property
    def name(self) -> str:
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def job(self) -> Document:
        """What stands beside the spec in a PipelineJob: displayName, labels, runtimeConfig."""
        return self.documents[0] if self.target == VERTEX else {}

    @property
    def content_hash(self) -> str:
        """Twelve hexadecimal digits that tell the content; comments and the order of keys do not count."""
        canonical = json.dumps(self.documents, sort_keys=True, default=str).encode()
        return hashlib.sha256(canonical).hexdigest()[:HASH_LENGTH]

    @property
    def version(self) -> str:
        """The name of the version that holds this content."""
        return f"{self.name}-{self.content_hash}"

    @property
    def text(self) -> str:
        """The file as it is, or where it was changed here its documents as YAML."""
        if self.is_as_read:
            return self.file.read_text(encoding="utf-8")
        return yaml.safe_dump_all(self.documents, sort_keys=False)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters of a run by their names; those that the file gives a value are not required."""
        given = self._runtime_config.get("parameterValues") or self._runtime_config.get("parameters") or {}
        definitions = (self.spec["root"].get("inputDefinitions") or {}).get("parameters") or {}
        return {
            name: Parameter(
                name,
                str(definition.get("parameterType") or definition.get("type") or "STRING"),
                not (name in given or "defaultValue" in definition or definition.get("isOptional")),
            )
            for name, definition in definitions.items()
        }

    @property
    def root(self) -> str | None:
        """Where the file says that artifacts are to lie."""
        root = self.spec.get("defaultPipelineRoot") or self._runtime_config.get("gcsOutputDirectory")
        return str(root) if root else None

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the tasks that run something, those of inner DAGs too, each behind those it needs.

        Raises:
          UsageError: tasks wait for each other in a circle.
        """
        try:
            return tuple(dict.fromkeys(_steps(self.spec, self.spec["root"])))
        except CycleError as error:
            raise UsageError(f"{self.file}: the tasks {', '.join(error.args[1])} wait for each other.") from error

    def without_cache(self) -> CompiledPipeline:
        """Returns the same pipeline with the cache of every task switched off, in inner DAGs too."""
        changed = replace(self, documents=deepcopy(self.documents), is_as_read=False)
        spec = changed.documents[0]["pipelineSpec"] if self.target == VERTEX else changed.documents[0]
        for component in (spec["root"], *(spec.get("components") or {}).values()):
            for task in _tasks(component).values():
                task["cachingOptions"] = {"enableCache": False}
        return changed

    @property
    def _runtime_config(self) -> Document:
        return dict(self.job.get("runtimeConfig") or {})


def read_compiled(file: Path) -> CompiledPipeline:
    """Reads what `penstock compile`, the kfp compiler or TFX wrote.

    Raises:
      UsageError: there is no such file, or it is no compiled pipeline; says what it is instead, where it can be told.
    """
    documents = _documents(file)
    first = documents[0]
    is_job = "pipelineSpec" in first
    spec = first["pipelineSpec"] if is_job else first
    missing = _missing(spec)
    if missing:
        raise UsageError(f"{file}: no compiled pipeline: {_what_instead(first) or f'it has no {missing}.'}")
    compiled = CompiledPipeline(file, VERTEX if is_job else KUBEFLOW, documents)
    try:
        _ = compiled.steps, compiled.parameters, compiled.root, compiled.without_cache()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{file}: no compiled pipeline: it is malformed. Compile it anew.") from error
    return compiled


def _documents(file: Path) -> tuple[Document, ...]:
    try:
        text = file.read_text(encoding="utf-8")
        documents = tuple(document for document in _parsed(text) if document is not None)
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: no text. A compiled pipeline is YAML or JSON.") from error
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}. Give the file that penstock compile wrote.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: neither YAML nor JSON: {' '.join(str(error).split())}") from error
    if not documents:
        raise UsageError(f"{file}: empty. Give the file that penstock compile wrote.")
    if not all(isinstance(document, dict) for document in documents):
        raise UsageError(f"{file}: no compiled pipeline: a mapping is expected at the top.")
    return documents


def _parsed(text: str) -> Iterator[Any]:
    if text.lstrip().startswith("{"):
        return iter((json.loads(text),))
    return iter(list(yaml.load_all(text, Loader)))


def _missing(spec: Any) -> str | None:
    """The first part without which nothing is a pipeline spec."""
    for path in ("pipelineInfo.name", "schemaVersion", "root.dag.tasks"):
        value = spec
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if not value or (path.endswith("tasks") and not isinstance(value, Mapping)):
            return path
    return None


def _what_instead(document: Document) -> str | None:
    if "argoproj.io" in str(document.get("apiVersion")):
        return "it is an Argo workflow, as Kubeflow Pipelines 1 compiled. Compile it with kfp 2."
    if "apiVersion" in document:
        return f"it is a Kubernetes {document.get('kind', 'object')}; kubectl apply -f takes that."
    if {"data", "features"} & set(document):
        return "it is a configuration. Compile it first: penstock compile FILE --target kubeflow -o pipeline.yaml."
    if "platforms" in document:
        return "its first document is that of the platforms; the spec must come before it."
    return None


def _tasks(component: Mapping[str, Any]) -> dict[str, Any]:
    return dict((component.get("dag") or {}).get("tasks") or {})


def _steps(spec: Mapping[str, Any], component: Mapping[str, Any]) -> Iterator[str]:
    tasks = _tasks(component)
    known = {name: [task for task in _needed(tasks[name]) if task in tasks] for name in tasks}
    for name in TopologicalSorter(known).static_order():
        inner = (spec.get("components") or {}).get((tasks[name].get("componentRef") or {}).get("name")) or {}
        if "dag" in inner:
            yield from _steps(spec, inner)
        else:
            yield name


def _needed(task: Mapping[str, Any]) -> Iterator[str]:
    yield from task.get("dependentTasks") or ()
    inputs = task.get("inputs") or {}
    for kind, source in (("artifacts", "taskOutputArtifact"), ("parameters", "taskOutputParameter")):
        for given in (inputs.get(kind) or {}).values():
            if source in given:
                yield given[source]["producerTask"]
