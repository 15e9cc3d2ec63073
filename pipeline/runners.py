"""Where a pipeline's Beam steps run: one row each."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.config import Config
from schema.errors import UsageError, did_you_mean

IN_PROCESS = (
    "--runner=DirectRunner",
    "--direct_running_mode=in_memory",  # named outright: newer Beams would fetch Prism, a runner in Go
    "--sdk_container_image=none",  # or else each step packs all of TFX for workers that do not exist
)


def local(config: Config) -> list[str]:
    """Beam in the step's own process."""
    return [*IN_PROCESS, *config.runner.beam_args]


RUNNERS: dict[str, Callable[[Config], list[str]]] = {"local": local}


def beam_args(config: Config) -> list[str]:
    """Returns Beam's options for the configured runner.

    Raises:
      UsageError: there is no such runner.
    """
    name = config.runner.name
    if name not in RUNNERS:
        raise UsageError(f"'runner.name' is {name!r}. {did_you_mean(name, RUNNERS)}")
    return RUNNERS[name](config)
