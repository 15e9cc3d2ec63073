"""Files forced to the disk, so that what is named afterwards is whole after a power cut too."""

from __future__ import annotations

import errno
import os
from pathlib import Path

NOT_FOR_FOLDERS = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)  # what mounted buckets may answer


def flush(path: Path) -> None:
    """Forces a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not path.is_dir() or error.errno not in NOT_FOR_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def flush_all(folder: Path) -> None:
    """Forces everything below a folder to the disk."""
    for path in folder.rglob("*"):
        flush(path)
