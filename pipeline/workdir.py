"""Where a pipeline keeps what its runs make."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schema.errors import PenstockError


@dataclass(frozen=True)
class Workdir:
    """The folder of one pipeline: `var/<pipeline name>` by default."""

    path: Path

    @property
    def root(self) -> Path:
        """The artifacts, TFX's pipeline root."""
        return self.path / "root"

    @property
    def metadata(self) -> Path:
        """MLMD's SQLite file."""
        return self.path / "metadata.db"

    @property
    def logs(self) -> Path:
        """One folder of logs for each run."""
        return self.path / "logs"

    @property
    def blessed(self) -> Path:
        """The ledger of blessed models."""
        return self.path / "blessed"

    @property
    def report(self) -> Path:
        """A copy of the latest run's report."""
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        """Held by the process that runs the pipeline."""
        return self.path / "run.lock"

    def serving(self, model_name: str) -> Path:
        """The folder of a model's versions, which a model server watches."""
        return self.path / "serving" / model_name


def workdir_of(name: str, parent: Path | None) -> Workdir:
    """Returns the pipeline's folder: `<parent>/<name>`, where parent is `var` in the current folder by default."""
    return Workdir(((parent or Path("var")) / name).resolve())


def new_run_id() -> str:
    """Returns the id of a run that begins now: its local time, to the millisecond."""
    now = time.time()
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{int(now * 1000) % 1000:03d}"


@contextmanager
def clear_errors_of(workdir: Workdir) -> Iterator[None]:
    """Turns an error of the operating system into one that names the file and the way out.

    Raises:
      PenstockError: a file of the workdir could not be read or written.
    """
    try:
        yield
    except OSError as error:
        raise PenstockError(
            f"{error.filename or workdir.path}: {error.strerror}. Make it writable, or run elsewhere with --workdir."
        ) from error
