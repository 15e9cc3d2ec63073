"""penstock-model-server: serves SavedModels to TensorFlow Serving's clients."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema.errors import PenstockError
from serving.server.flags import Flags, parse
from serving.server.status import StatusError
from serving.server.workers import METRICS_FOLDER, supervise

if TYPE_CHECKING:  # the flags are checked before TensorFlow is imported
    from serving.server.server import ModelServer

FAILED = 255  # as upstream's exit(-1)
USAGE = 2
log = logging.getLogger(__name__)


def main() -> None:
    """Serves until SIGTERM or Ctrl-C, then answers what has come and exits with 0."""
    words = sys.argv[1:]
    try:
        flags = parse(words)
    except click.exceptions.Exit:
        sys.exit(0)
    except click.ClickException as error:
        click.echo(f"penstock-model-server: {error.format_message()}", err=True)
        sys.exit(USAGE)
    if flags.version:
        click.echo(f"penstock-model-server {version('penstock')}, on TensorFlow {version('tensorflow')}")
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.exit(supervise(words, flags.workers) if flags.workers > 1 else serve(flags))


def serve(flags: Flags) -> int:
    """Serves in this process until it is told to stop; returns its exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # TensorFlow reads it when it is imported
    from serving.server.metrics import Metrics
    from serving.server.server import ModelServer

    folder = os.environ.get(METRICS_FOLDER)
    try:
        server = ModelServer(flags, Metrics(Path(folder) if folder else None))
    except (PenstockError, StatusError) as error:
        return _failed(error)
    starting = _Start(server, stop)
    starting.start()  # a thread of its own, for this one is what signals wake, and folders may be waited for
    stop.wait()
    server.stop()
    starting.join()
    return _failed(starting.failure) if starting.failure else 0


class _Start(threading.Thread):
    """Starts a server; says that all is to stop where that fails."""

    def __init__(self, server: ModelServer, stop: threading.Event) -> None:
        super().__init__(name="start")
        self.failure: Exception | None = None
        self._server, self._stop_all = server, stop

    def run(self) -> None:
        try:
            self._server.start()
        except (StatusError, PenstockError, OSError) as error:
            if not self._stop_all.is_set():  # else it fails because it was stopped
                self.failure = error
            self._stop_all.set()


def _failed(error: Exception) -> int:
    click.echo(f"penstock-model-server: {error}", err=True)
    return FAILED


if __name__ == "__main__":
    main()
