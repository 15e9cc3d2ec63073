"""The versions of a model that lie on disk.

Source: sources/storage_path/file_system_storage_path_source.cc. One difference: there, a base path that is missing
keeps the versions of every model as they are; here only those of its own model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.server.lifecycle import policy
from serving.server.status import StatusError, invalid_argument, unimplemented

NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*")
INT64 = range(-(2**63), 2**63)
SCHEME = re.compile(r"([a-zA-Z][0-9a-zA-Z.]*)://")
LOCAL = "file"


@dataclass(frozen=True)
class Found:
    """The versions of a model that are wanted and there, with their folders, and what a person should know of it."""

    versions: Mapping[int, Path]
    warnings: tuple[str, ...] = ()


def poll(model: Any) -> Found:
    """Looks for the versions that a ModelConfig wants.

    Raises:
      StatusError: its base path is not there, or cannot be read.
    """
    children = _children(model.name, model.base_path)
    folders: dict[int, str] = {}
    warnings = []
    for number, child in _numbered(sorted(children)):
        if number in folders:
            warnings.append(_duplicate(number, child, folders[number]))
        folders[number] = child
    wanted = policy.wanted(folders, model.model_version_policy)
    warnings += [_missing(model.name, number) for number in policy.missing(folders, model.model_version_policy)]
    if not wanted:
        warnings.append(_none(model))
    base = local(model.base_path)
    return Found({number: base / folders[number] for number in sorted(wanted)}, tuple(warnings))


def local(base_path: str) -> Path:
    """Returns a base path without the scheme of local files."""
    return Path(base_path.removeprefix(f"{LOCAL}://"))


def is_absolute(base_path: str) -> bool:
    """Tells whether a base path is an absolute path or a URI."""
    return base_path.startswith("/") or SCHEME.match(base_path) is not None


def _children(name: str, base_path: str) -> list[str]:
    try:
        return [child.name for child in _on_disk(base_path).iterdir()]
    except OSError as error:
        reason = f"{_code(error)}: {base_path}; {error.strerror}"
    except StatusError as error:
        reason = f"{error.code.name}: {error.message}"
    raise invalid_argument(f"Could not find base path {base_path} for servable {name} with error {reason}")


def _on_disk(base_path: str) -> Path:
    scheme = SCHEME.match(base_path)
    if scheme and scheme[1] != LOCAL:
        message = f"File system scheme '{scheme[1]}' not implemented (file: '{base_path}'); mount it, and give its path"
        raise unimplemented(message)
    return local(base_path)


def _code(error: OSError) -> str:
    return "NOT_FOUND" if isinstance(error, FileNotFoundError) else "FAILED_PRECONDITION"


def _numbered(children: Iterable[str]) -> Iterable[tuple[int, str]]:
    for child in children:
        if NUMBER.fullmatch(child) and int(child) in INT64:
            yield int(child), child


def _duplicate(number: int, child: str, other: str) -> str:
    return (
        f"Duplicate version directories detected. Version {number} will be loaded from {child}, "
        f"{other} will be ignored."
    )


def _missing(name: str, number: int) -> str:
    return (
        f"Version {number} of servable {name}, which was requested to be served as a 'specific' version in the "
        "servable's version policy, was not found in the file system"
    )


def _none(model: Any) -> str:
    return (
        f"No versions of servable {model.name} found under base path {model.base_path}. "
        "Did you forget to name your leaf directory as a number (eg. '/1/')?"
    )
