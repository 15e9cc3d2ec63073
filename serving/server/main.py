"""penstock-model-server: serves SavedModels to TensorFlow Serving's clients."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema.errors import PenstockError
from serving.server.flags import Flags, parse
from serving.server.status import StatusError
from serving.server.workers import METRICS_FOLDER, end_with_supervisor, supervise

if TYPE_CHECKING:  # the flags are checked before TensorFlow is imported
    from serving.server.server import ModelServer

FAILED = 255  # as upstream's exit(-1)
USAGE = 2
OLD_LISTENER = "-event_engine_listener"  # the new one costs a request a quarter more CPU; gRPC reads it when it starts
SECONDS_TO_END = 2  # for what no client waits for any more
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
    _when_told_to_stop(_leave)
    end_with_supervisor()
    os.environ.setdefault("GRPC_EXPERIMENTS", OLD_LISTENER)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # TensorFlow reads it when it is imported
    from serving.server.metrics import Metrics
    from serving.server.server import ModelServer

    folder = os.environ.get(METRICS_FOLDER)
    try:
        server = ModelServer(flags, Metrics(Path(folder) if folder else None))
    except (PenstockError, StatusError) as error:
        return _failed(error)
    gc.freeze()  # a collection would look through all that was imported, and requests would wait for it
    stop = threading.Event()
    _when_told_to_stop(stop.set)
    starting = _Start(server, stop)
    starting.start()  # a thread of its own, for this one is what signals wake, and folders may be waited for
    stop.wait()
    if starting.is_loading:
        _leave()
    starting.join()  # its ports are open now, or will never be
    code = _stop(server, flags.shutdown_grace_seconds)
    return _failed(starting.failure) if starting.failure else code


class _Start(threading.Thread):
    """Starts a server; says that all is to stop where that fails."""

    def __init__(self, server: ModelServer, stop: threading.Event) -> None:
        super().__init__(name="start", daemon=True)
        self.is_loading = True
        self.failure: Exception | None = None
        self._server, self._stop_all = server, stop

    def run(self) -> None:
        try:
            self._server.load()
            self.is_loading = False
            self._server.open()
        except (StatusError, PenstockError, OSError) as error:
            self._give_up(error)
        except Exception as error:
            log.exception("The server did not start, in a way that was not foreseen")
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.failure = error
        self.is_loading = False
        self._stop_all.set()


def _when_told_to_stop(work: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: work())


def _stop(server: ModelServer, grace: float) -> int:
    """Stops a server; returns 0, or FAILED if requests have not ended within the grace."""
    code = 0 if server.drain() else FAILED
    if code:
        log.error("Requests in flight have not ended in %g seconds and are given up.", grace)
    closing = threading.Thread(target=server.close, name="close", daemon=True)
    closing.start()
    closing.join(SECONDS_TO_END)
    if closing.is_alive():  # with a call of a model, or with a new version that loads
        logging.shutdown()
        os._exit(code)
    return code


def _leave() -> None:
    """Ends the process at once: nothing is served yet, and what loads a model cannot be told to stop."""
    log.info("Stopping before the models are loaded.")
    logging.shutdown()
    os._exit(0)


def _failed(error: Exception) -> int:
    click.echo(f"penstock-model-server: {error}", err=True)
    return FAILED


if __name__ == "__main__":
    main()
