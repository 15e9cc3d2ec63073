"""A command, its time, and the memory of all its processes together."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

SECONDS_BETWEEN_LOOKS = 0.25
MIB = 1 << 20


@dataclass(frozen=True)
class Watched:
    """What a command came to.

    Attributes:
      exit_code: 0 is well.
      out: what it printed.
      seconds: from start to end, by the clock.
      cpu_seconds: that it and its processes used, on all cores.
      disk_seconds: meanwhile, that cores had nothing to do but to wait for a disk, whoever asked it.
      stolen_seconds: meanwhile, that cores were taken by other machines of the same host.
      peak_mib: the most that all its processes held at one time: their proportional set sizes, so that a page which
        several share counts once.
      seconds_to_words: until some words stood in its standard error; None where they never did.
    """

    exit_code: int
    out: str
    seconds: float
    cpu_seconds: float
    disk_seconds: float
    stolen_seconds: float
    peak_mib: int
    seconds_to_words: float | None


def watch(
    command: Sequence[str], log: Path, variables: Mapping[str, str] | None = None, words: str | None = None
) -> Watched:
    """Runs a command to its end; what it writes on standard error goes to a file, where it is looked for words."""
    with log.open("w", encoding="utf-8") as err:
        before, lost_before, began = psutil.Process().cpu_times(), psutil.cpu_times(), time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True, env=variables)
        peak = _Peak(psutil.Process(process.pid))
        peak.start()
        said = _Said(process, log, words) if words else None
        out, _ = process.communicate()
        seconds = time.perf_counter() - began
        peak.join()
    after, lost = psutil.Process().cpu_times(), psutil.cpu_times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    seconds_to_words = round(said.at - began, 2) if said and said.at else None
    return Watched(
        exit_code=process.returncode,
        out=out,
        seconds=round(seconds, 2),
        cpu_seconds=round(cpu, 1),
        disk_seconds=round(lost.iowait - lost_before.iowait, 1),
        stolen_seconds=round(lost.steal - lost_before.steal, 1),
        peak_mib=peak.bytes // MIB,
        seconds_to_words=seconds_to_words,
    )


class _Said(threading.Thread):
    def __init__(self, process: subprocess.Popen[str], log: Path, words: str) -> None:
        super().__init__(daemon=True)
        self._process, self._log, self._words = process, log, words
        self.at: float | None = None
        self.start()

    def run(self) -> None:
        while self.at is None and self._process.poll() is None:
            time.sleep(SECONDS_BETWEEN_LOOKS / 10)
            if self._words in self._log.read_text(encoding="utf-8"):
                self.at = time.perf_counter()


class _Peak(threading.Thread):
    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.bytes = 0

    def run(self) -> None:
        while self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
            with suppress(psutil.Error):
                self.bytes = max(self.bytes, sum(map(_held, [self._process, *self._process.children(recursive=True)])))
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _held(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0
