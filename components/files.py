"""Files wherever Beam's filesystems reach: found by glob, fingerprinted, and brought here to be read.

`pkg://package/file` is a file that an installed package carries. It keeps that name, in messages and fingerprints too,
until it is opened: the same configuration is read where packages lie elsewhere, as in a container.
"""

from __future__ import annotations

import bz2
import errno
import glob
import gzip
import hashlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from schema.errors import UsageError

DECOMPRESSORS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
PACKAGED = "pkg://"


@dataclass(frozen=True)
class Found:
    """A file: where it is, its size in bytes, and when it was last changed, in seconds since 1970."""

    path: str
    size: int
    changed: float


def is_remote(path: str) -> bool:
    """Returns whether a path is a URL such as gs://bucket/file."""
    return "://" in path and not path.startswith(PACKAGED)


def local_path(path: str) -> str:
    """Returns where a `pkg://package/file` lies on this machine; any other path as it is.

    Raises:
      UsageError: the package is not installed.
    """
    return str(Path(*_in_package(path))) if path.startswith(PACKAGED) else path


def connect(beam_args: Iterable[str]) -> None:
    """Tells Beam's filesystems their options, such as --s3_endpoint_url; forked processes inherit them."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions(list(beam_args)))


def find(pattern: str) -> list[Found]:
    """Returns the files that match a glob, in the order of their names.

    Raises:
      UsageError: the filesystem does not answer, or is none that Beam knows; or the package is not installed.
    """
    if pattern.startswith(PACKAGED):
        found = _find_in_package(pattern)
    else:
        found = _find_remote(pattern) if is_remote(pattern) else _find_local(pattern)
    return sorted(found, key=lambda file: file.path)


def fingerprint(files: Iterable[Found]) -> str:
    """Returns a hash that changes with the files' names, sizes and times of change."""
    said = json.dumps([(file.path, file.size, file.changed) for file in files])
    return hashlib.sha256(said.encode()).hexdigest()


def open_local(path: str) -> BinaryIO:
    """Opens a local file to be read as bytes, decompressed where its name ends in .gz or .bz2."""
    opener = DECOMPRESSORS.get(Path(path).suffix, open)
    stream: BinaryIO = opener(local_path(path), "rb")
    return stream


@contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Gives the path of a local file with the same content and ending: itself, where it is local."""
    if not is_remote(path):
        yield local_path(path)
        return
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, PurePosixPath(path).name)
        with (
            FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as there,
            copy.open("wb") as here,
        ):
            shutil.copyfileobj(there, here)
        yield str(copy)


def copy_folder(source: str, target: str) -> None:
    """Puts a copy of a folder in the place of another, if there is one; each may be a URL, such as gs://, for TFX.

    Raises:
      NotADirectoryError: there is no folder to copy.
    """
    from tfx.dsl.io import fileio
    from tfx.utils import io_utils

    if not fileio.isdir(source):
        raise NotADirectoryError(errno.ENOTDIR, "is no folder that could be copied", source)
    io_utils.copy_dir(source, target)


def _find_local(pattern: str) -> Iterator[Found]:
    for path in map(Path, glob.glob(pattern, recursive=True)):
        if path.is_file():
            yield _found(str(path), path)


def _find_in_package(pattern: str) -> Iterator[Found]:
    folder, inside = _in_package(pattern)
    for name in glob.glob(inside, root_dir=folder, recursive=True):
        path = Path(folder, name)
        if path.is_file():
            yield _found(pattern.removesuffix(inside) + name, path)


def _found(name: str, path: Path) -> Found:
    stat = path.stat()
    return Found(name, stat.st_size, stat.st_mtime)


def _in_package(path: str) -> tuple[str, str]:
    """The folder of the package that a `pkg://` path names, and the rest of the path."""
    package, _, inside = path.removeprefix(PACKAGED).partition("/")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"{path}: no package {package!r} is installed here.")
    return spec.submodule_search_locations[0], inside


def _find_remote(pattern: str) -> Iterator[Found]:
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    try:
        (matched,) = FileSystems.match([pattern])
    except (BeamIOError, ValueError, ImportError) as error:
        raise UsageError(f"{pattern}: cannot be looked up: {error}. Check the address and your credentials.") from None
    for file in matched.metadata_list:
        yield Found(file.path, file.size_in_bytes, file.last_updated_in_seconds)
