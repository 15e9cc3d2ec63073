"""A model's way into the folder that a model server watches: written aside, then renamed; numbers only increase."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.durable import flush, flush_all
from components.origin import are_one

ORIGIN = Path("assets.extra") / "penstock.json"
ASIDE = ".incoming"


@dataclass(frozen=True)
class Version:
    """A published version of a model."""

    number: int
    path: Path
    is_new: bool


def publish(model: Path, destination: Path, origin: str, prepare: Callable[[Path], None] | None = None) -> Version:
    """Copies the SavedModel at `model` to `destination/<number>`, at once and whole.

    The number is the time in seconds since 1970, or one more than the last where that is not greater, as TensorFlow
    Serving's tools have it. A model that is already the latest version (the same `origin`) is not published again.
    A crash at any moment leaves at most a folder in `destination/.incoming`, which the next publication removes; model
    servers look at folders with a number as their name only.

    Args:
      model: a SavedModel.
      destination: the folder of the model's versions.
      origin: what tells the model from others; kept in the version's assets.extra.
      prepare: called with the copy before it is renamed, to add files.

    Raises:
      OSError: the copy could not be written; no version appeared.
    """
    latest = latest_version(destination)
    if latest and is_published(origin, destination):
        return latest
    aside = destination / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    copy = aside / uuid.uuid4().hex
    try:
        shutil.copytree(model, copy)
        (copy / ORIGIN).parent.mkdir(exist_ok=True)
        (copy / ORIGIN).write_text(json.dumps({"origin": origin}))
        if prepare:
            prepare(copy)
        flush_all(copy)
        number = max(int(time.time()), latest.number + 1 if latest else 0)
        copy.rename(destination / str(number))
        flush(destination)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Version(number, destination / str(number), is_new=True)


def is_published(origin: str, destination: Path) -> bool:
    """Returns whether a model is the latest version already."""
    latest = latest_version(destination)
    return latest is not None and are_one(_origin(latest.path), origin)


def latest_version(destination: Path) -> Version | None:
    """Returns the version with the greatest number, if there is one."""
    folders = destination.iterdir() if destination.is_dir() else ()
    versions = {int(folder.name): folder for folder in folders if folder.name.isdecimal() and folder.is_dir()}
    return Version(max(versions), versions[max(versions)], is_new=False) if versions else None


def _origin(version: Path) -> str:
    try:
        return str(json.loads((version / ORIGIN).read_text())["origin"])
    except (OSError, ValueError, KeyError):
        return ""
