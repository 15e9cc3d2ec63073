"""One run of a pipeline at a time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schema.errors import PipelineBusy


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Holds the pipeline while the block runs; the kernel lets go when the process ends, however it ends.

    Raises:
      PipelineBusy: another process holds it; the message says which, and since when.
      OSError: the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PipelineBusy(_who_holds(path)) from None
        file.truncate(0)
        json.dump({"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}, file)
        file.flush()
        yield


def _who_holds(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        who = f"process {holder['pid']} runs it since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process runs it"
    return f"{path.parent}: {who}. Wait until it ends, stop it, or give this run another --workdir."
