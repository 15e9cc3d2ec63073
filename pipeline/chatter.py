"""Keeps the chatter of libraries off the screen: whatever is written to the process's output goes to a log file."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TextIO


class Screen:
    """The terminal, or whatever standard output and error were before they were diverted."""

    def __init__(self) -> None:
        self.out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self.err: TextIO = os.fdopen(os.dup(2), "w", encoding="utf-8")
        self.log: Path | None = None

    def divert(self, log: Path) -> None:
        """From here on, what anyone but this object writes to standard output or error goes to `log`.

        File descriptors are diverted, not Python's objects: TensorFlow's C++ code writes past those.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        warnings.simplefilter("ignore")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
        self.log = log
