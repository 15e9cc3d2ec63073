"""What a run has pushed."""

from __future__ import annotations

from pathlib import Path

from components.publication import Version, latest_version
from pipeline.config import Config
from pipeline.workdir import Workdir
from schema.errors import UsageError


def pushed_version(config: Config, place: Workdir, files: tuple[Path, ...]) -> Version:
    """Returns the latest version in the pipeline's folder.

    Raises:
      UsageError: nothing was pushed there; it says what pushes.
    """
    version = latest_version(place.serving(config.model_name))
    if version is None:
        raise UsageError(
            f"{place.serving(config.model_name)}: no version of {config.model_name!r} is pushed there. "
            f"Run penstock run {named(files)} first."
        )
    return version


def named(files: tuple[Path, ...]) -> str:
    """Returns configuration files as they are typed."""
    return " ".join(map(str, files))
