"""Writes docs/configuration.md and docs/configuration.schema.json from the configuration's models."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.reference import json_schema, markdown

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Writes both."""
    (DOCS / "configuration.md").write_text(markdown(), encoding="utf-8")
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    (DOCS / "configuration.schema.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
