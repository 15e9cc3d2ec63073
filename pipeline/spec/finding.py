"""Steps without a container: an importer takes what is at an address, a resolver finds what was made before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipeline.spec.given import Inputs
from pipeline.spec.graph import Leaf
from pipeline.spec.placeholders import Values
from pipeline.spec.queries import latest
from pipeline.spec.store import Artifact
from pipeline.spec.values import python_of
from schema.errors import StepFailed

Finding = Callable[[Leaf, Inputs, Sequence[Artifact]], dict[str, Artifact]]


def imported(leaf: Leaf, inputs: Inputs, artifacts: Sequence[Artifact]) -> dict[str, Artifact]:
    """Returns the artifact at an importer's address: the one that is known already, unless it is to be a new one.

    Raises:
      StepFailed: the address has no value.
    """
    importer = leaf.executor.importer
    said = importer.artifact_uri
    is_given = said.WhichOneof("value") == "runtime_parameter"
    uri = inputs.parameters.get(said.runtime_parameter) if is_given else python_of(said.constant)
    if not uri or not isinstance(uri, str):
        raise StepFailed(f"{leaf.name} is to import an artifact, and was given {uri!r} as its address.")
    values = _values(inputs)
    metadata = {
        name: values.fill(value) if isinstance(value, str) else value
        for name, value in python_of(importer.metadata).items()
    }
    artifact = Artifact(uri, python_of(importer.type_schema), metadata)
    if not importer.reimport:
        known = (one for one in artifacts if replace(one, id=0, is_stored=False) == artifact)
        artifact = next(known, artifact)
    return dict.fromkeys(leaf.component.output_definitions.artifacts, artifact)


def resolved(leaf: Leaf, inputs: Inputs, artifacts: Sequence[Artifact]) -> dict[str, Artifact]:
    """Returns what a resolver's queries find; nothing where an input was not found, by which it would look."""
    if not all(inputs.artifacts.values()):
        return {}
    values = _values(inputs)
    queries = leaf.executor.resolver.output_artifact_queries
    found = {name: latest(artifacts, values.fill(query.filter)) for name, query in queries.items()}
    return {name: artifact for name, artifact in found.items() if artifact}


def _values(inputs: Inputs) -> Values:
    artifacts: dict[str, Any] = {
        name: {"artifacts": [{"uri": one.uri, "name": str(one.id), "metadata": one.metadata} for one in of]}
        for name, of in inputs.artifacts.items()
    }
    return Values({"inputs": {"parameterValues": inputs.parameters, "artifacts": artifacts}}, str, {})


WITHOUT_CONTAINER: dict[str, Finding] = {"importer": imported, "resolver": resolved}
