"""What a file that the tfx CLI executes is told of the pipeline: by variables, since the CLI hides all arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.placed import dag_in
from pipeline.workdir import Workdir, workdir_of
from schema.errors import PenstockError

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

CONFIG, WORKDIR = "PENSTOCK_CONFIG", "PENSTOCK_WORKDIR"


@dataclass(frozen=True)
class Plan:
    """A pipeline, the files that describe it, and where it keeps what its runs make."""

    files: tuple[Path, ...]
    config: Config
    place: Workdir

    def pipeline(self) -> Pipeline:
        """Returns the DAG."""
        return dag_in(self.place, self.config)


def plan_of(variables: Mapping[str, str], repository: Path, *defaults: str) -> Plan:
    """Returns the pipeline that the environment names, or that of the default files.

    Args:
      variables: of the environment: PENSTOCK_CONFIG, files with `:` between them, a later one over an earlier one;
        PENSTOCK_WORKDIR, as --workdir.
      repository: the folder that has configs/, and var where no variable says otherwise: so that it does not matter in
        which folder `tfx` is called.
      defaults: the files of configs/ where no variable names others.

    Raises:
      UsageError: a file is not there, or says something illegal.
    """
    from pipeline.loading import load
    from pipeline.preflight import check_files

    named = [Path(name).expanduser() for name in variables.get(CONFIG, "").split(os.pathsep) if name]
    files = tuple(named or (repository / "configs" / name for name in defaults))
    config = load(files)
    check_files(config)
    parent = Path(variables.get(WORKDIR) or repository / "var").expanduser()
    return Plan(files, config, workdir_of(config.name, parent))


@contextmanager
def errors_as_exit() -> Iterator[None]:
    """Turns an error of Penstock's into a paragraph and its exit code; the tfx CLI would print a traceback."""
    try:
        yield
    except PenstockError as error:
        sys.stderr.write(f"penstock: {error}\n")
        sys.exit(error.exit_code)
