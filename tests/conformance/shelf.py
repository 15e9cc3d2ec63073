"""The models that are served to every test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance import models
from tests.conformance.configs import model_config

ONE_VERSION = ("tf2_half_plus_two", "two_by_two", "texts", "types", "shapes", "counter", "classes", "slow")
BIASES = {("half_plus_two", 123): 2.0, ("versions", 1): 2.0, ("versions", 2): 3.0}
LABELS = {"stable": 1, "canary": 2, "newest": 2}


@dataclass(frozen=True)
class Shelf:
    """Models on disk: half_plus_two 123, versions 1 and 2 of `versions` with labels, and version 1 of others."""

    folder: Path

    @classmethod
    def fill(cls, folder: Path) -> Shelf:
        """Writes the models."""
        for name in ONE_VERSION:
            (folder / name).mkdir()
            getattr(models, name)(folder / name / "1")
        for (name, version), bias in BIASES.items():
            (folder / name).mkdir(exist_ok=True)
            models.half_plus_two(folder / name / str(version), bias)
        return cls(folder)

    def configs(self, *, labelled: bool = True) -> list[Any]:
        """How a server is told of them; one has a name that URLs must escape."""
        return [
            *(model_config(name, self.folder / name) for name in ("half_plus_two", *ONE_VERSION)),
            model_config("odd/name:x", self.folder / "half_plus_two"),
            model_config("versions", self.folder / "versions", "all {}", LABELS if labelled else {}),
        ]

    @property
    def half_plus_two(self) -> tuple[str, str]:
        """The flags by which a server serves half_plus_two alone."""
        return "--model_name=half_plus_two", f"--model_base_path={self.folder / 'half_plus_two'}"
