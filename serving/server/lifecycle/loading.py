"""Loading a version: as often as it takes, for as long as it is wanted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grpc import StatusCode

from serving.server.lifecycle.version import Version
from serving.server.servable import Servable
from serving.server.status import StatusError

log = logging.getLogger(__name__)
Load = Callable[[str, int, Path], Servable]
Wait = Callable[[threading.Event, float], bool]  # seconds at most, for an event; tells whether it came


@dataclass(frozen=True)
class Loader:
    """Loads versions, and tries again when that fails.

    Attributes:
      retries: how often it tries again.
      interval: seconds between tries.
      slots: how many tries go on at a time; waiting for the next one takes none.
    """

    load: Load
    retries: int
    interval: float
    slots: threading.Semaphore
    wait: Wait

    def __call__(self, version: Version) -> Servable:
        """Returns the version, loaded.

        Raises:
          StatusError: of the last try, or CANCELLED if it was no longer wanted before the first.
        """
        failure = StatusError(StatusCode.CANCELLED, "Load cancelled before we could try to load.")
        for tries in range(self.retries + 1):
            if version.cancelled.is_set() or (tries and self.wait(version.cancelled, self.interval)):
                log.info("Load cancelled for servable: %s", version)
                break
            if tries:
                log.info("Retrying load on servable version: %s retry: %d", version, tries)
            try:
                return self._try(version)
            except StatusError as error:
                log.error("Servable: %s load failure: %s: %s", version, error.code.name, error.message)  # noqa: TRY400 the message is all
                failure = error
        raise failure

    def _try(self, version: Version) -> Servable:
        with self.slots:
            log.info("Loading servable version %s", version)
            try:
                return self.load(version.name, version.number, version.path)
            except StatusError:
                raise
            except Exception as error:  # whatever a model does when it is loaded, the old version serves on
                log.exception("Servable: %s could not be loaded", version)
                raise StatusError(StatusCode.UNKNOWN, f"{type(error).__name__}: {error}") from error
