"""A small configuration that is right, for tests to make wrong in one place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.config import Config

REPOSITORY = Path(__file__).parents[2]
TAXI = REPOSITORY / "configs" / "taxi.yaml"
SCHEMA = """
feature { name: "fare" type: FLOAT }
feature { name: "tips" type: FLOAT }
feature { name: "hour" type: INT }
feature { name: "company" type: BYTES }
"""


def minimal(**changes: Any) -> dict[str, Any]:
    """Returns the least that a configuration says, with the changes laid over its top level."""
    content = {
        "name": "taxi",
        "problem": "binary",
        "label": "tips > 0.2 * fare",
        "data": {"path": "trips.csv"},
        "features": [{"column": "fare", "role": "numeric"}],
    }
    return content | changes


def config(**changes: Any) -> Config:
    """Returns the minimal configuration, checked."""
    return Config.model_validate(minimal(**changes))


def write(file: Path, content: Mapping[str, Any]) -> Path:
    """Writes a configuration file, and returns its path."""
    file.write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
    return file


def write_schema(folder: Path) -> Path:
    """Writes a curated schema of four columns, and returns its path."""
    file = folder / "taxi.pbtxt"
    file.write_text(SCHEMA, encoding="utf-8")
    return file
