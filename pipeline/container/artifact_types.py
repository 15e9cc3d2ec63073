"""Which Python class stands for a type of artifact: its title in a pipeline spec to the class's dotted path."""

from __future__ import annotations

from typing import Any

REPORTED = ("HTML", "Metrics", "ClassificationMetrics", "SlicedClassificationMetrics")
KUBEFLOWS = {f"system.{name}": f"components.artifacts.{name}" for name in REPORTED}  # as Kubeflow's pages know them
OURS = "penstock."  # a title has one dot (_SCHEMA_TITLE_RE in TFX's compiler_utils), a path of ours has two
BASE = {"tfx.Artifact": "tfx.types.artifact.Artifact"}  # TFX compiles it, and forgets it in its own table
PLATFORMS_OWN = ("system.", "google.")
HTML, METRICS = "penstock.HTML", "penstock.Metrics"


def title_of(schema: Any) -> str:
    """Returns the title in an ArtifactTypeSchema; empty where there is none, as in Kubeflow's input artifacts."""
    import yaml

    if schema.schema_title:
        return str(schema.schema_title)
    described = yaml.safe_load(schema.instance_schema) if schema.instance_schema else None
    return str(described.get("title", "tfx.Artifact")) if isinstance(described, dict) else ""


def class_path(title: str) -> str | None:
    """Returns the dotted path of a type's class; None for a platform's own type, for which there is none.

    A title that neither we nor TFX know is the path itself, as TFX writes it for a custom type.
    """
    from tfx.orchestration.kubeflow.v2.compiler_utils import TITLE_TO_CLASS_PATH

    if title.startswith(OURS):
        return f"components.artifacts.{title.removeprefix(OURS)}"
    known: str | None = (KUBEFLOWS | BASE | TITLE_TO_CLASS_PATH).get(title)
    if known or not title or title.startswith(PLATFORMS_OWN):
        return known
    return title
