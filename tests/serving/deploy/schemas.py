"""The schemas that manifests are held against: Kubernetes' own, and copies of those that no library carries.

The copies lie in tests/golden/crds, each with its source, version and licence in its first line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

CRDS = Path(__file__).parents[2] / "golden" / "crds"
OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version()
KUSTOMIZATION_KEYS = {"apiVersion", "kind", "namespace", "resources"}
OWN = {"ServiceMonitor": "servicemonitor.json", "InferenceService": "inferenceservice.json"}


def check_manifest(manifest: dict[str, Any], version: str) -> None:
    """Holds a manifest against the schema of its kind; a key that the schema does not know is wrong, too.

    Raises:
      jsonschema.ValidationError: it does not fit.
    """
    if manifest["kind"] in OWN:
        _validator(OWN[manifest["kind"]]).validate(manifest)
    elif manifest["kind"] == "Kustomization":
        assert set(manifest) <= KUSTOMIZATION_KEYS
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


def check_compose(content: dict[str, Any]) -> None:
    """Holds a compose file against the Compose Specification.

    Raises:
      jsonschema.ValidationError: it does not fit.
    """
    _validator("compose-spec.json").validate(content)


def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((CRDS / name).read_text("utf-8"))
    folder = f"kubernetes-json-schema/v{NEWEST}-local-strict"
    definitions = kubernetes_validate.utils.schema_contents(f"{folder}/_definitions.json", NEWEST)
    registry: Registry[Any] = Resource.from_contents(definitions) @ Registry()
    return Draft202012Validator(_closed(schema), registry=registry)


def _closed(schema: Any) -> Any:
    """The schema with keys refused that it does not name, which Kubernetes itself would drop without a word."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(part) for key, part in schema.items()}
    is_open = "additionalProperties" in schema or "patternProperties" in schema
    names_keys = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if not names_keys or is_open or "x-kubernetes-preserve-unknown-fields" in schema:
        return closed
    return closed | {"additionalProperties": False}
