"""Files wherever Beam's filesystems reach: found by glob, fingerprinted, and brought here to be read."""

from __future__ import annotations

import bz2
import glob
import gzip
import hashlib
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


@dataclass(frozen=True)
class Found:
    """A file: where it is, its size in bytes, and when it was last changed, in seconds since 1970."""

    path: str
    size: int
    changed: float


def is_remote(path: str) -> bool:
    """Returns whether a path is a URL such as gs://bucket/file."""
    return "://" in path


def connect(beam_args: Iterable[str]) -> None:
    """Tells Beam's filesystems their options, such as --s3_endpoint_url; forked processes inherit them."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions(list(beam_args)))


def find(pattern: str) -> list[Found]:
    """Returns the files that match a glob, in the order of their names.

    Raises:
      UsageError: the filesystem does not answer, or is none that Beam knows.
    """
    found = _find_remote(pattern) if is_remote(pattern) else _find_local(pattern)
    return sorted(found, key=lambda file: file.path)


def fingerprint(files: Iterable[Found]) -> str:
    """Returns a hash that changes with the files' names, sizes and times of change."""
    said = json.dumps([(file.path, file.size, file.changed) for file in files])
    return hashlib.sha256(said.encode()).hexdigest()


def open_local(path: str) -> BinaryIO:
    """Opens a local file to be read as bytes, decompressed where its name ends in .gz or .bz2."""
    opener = DECOMPRESSORS.get(Path(path).suffix, open)
    stream: BinaryIO = opener(path, "rb")
    return stream


@contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Gives the path of a local file with the same content and ending: itself, where it is local."""
    if not is_remote(path):
        yield path
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


def _find_local(pattern: str) -> Iterator[Found]:
    for path in map(Path, glob.glob(pattern, recursive=True)):
        if path.is_file():
            stat = path.stat()
            yield Found(str(path), stat.st_size, stat.st_mtime)


def _find_remote(pattern: str) -> Iterator[Found]:
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    try:
        (matched,) = FileSystems.match([pattern])
    except (BeamIOError, ValueError, ImportError) as error:
        raise UsageError(f"{pattern}: cannot be looked up: {error}. Check the address and your credentials.") from None
    for file in matched.metadata_list:
        yield Found(file.path, file.size_in_bytes, file.last_updated_in_seconds)
