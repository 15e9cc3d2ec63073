"""The artifact types that TFX does not have."""

from __future__ import annotations

from tfx.types.artifact import Artifact


class GateReport(Artifact):
    """What a gate found and let pass: one `warnings.json`, a list of sentences."""

    TYPE_NAME = "components.artifacts.GateReport"
