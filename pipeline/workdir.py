"""Where a pipeline keeps what its runs make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
