"""The models that a server serves: found, loaded, looked up, reloaded, unloaded.

Source: model_servers/server_core.cc. Differences, all for the better of who operates it: a reload looks at the disk at
once; one whose labels are refused changes nothing; one that waits for a model in vain is superseded by the next;
what a poll complains of is logged when it changes, not at every poll.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpc import StatusCode
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.server.lifecycle import config as configs
from serving.server.lifecycle import labels, source
from serving.server.lifecycle.loading import Load, Loader, Wait
from serving.server.lifecycle.lookup import Directory, Use
from serving.server.lifecycle.reconciler import Reconciler
from serving.server.lifecycle.states import Record, StateLog
from serving.server.lifecycle.version import Version
from serving.server.servable import Servable
from serving.server.status import StatusError, not_found

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CoreOptions:
    """How versions are looked for and loaded; names and defaults are tensorflow_model_server's flags'.

    Attributes:
      file_system_poll_wait_seconds: 0 looks once, at the start and at each reload; less than 0 never does.
      model_config_file: read again every model_config_file_poll_wait_seconds, if these are more than 0.
      num_load_threads: loads at a time; 0 for as many as there are processors.
    """

    file_system_poll_wait_seconds: float = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    allow_version_labels_for_unavailable_models: bool = False
    model_config_file: Path | None = None
    model_config_file_poll_wait_seconds: float = 0
    num_load_threads: int = 0


class Core:
    """Serves the models of a configuration. Safe for threads.

    Args:
      load: loads a version of a model from its folder, or raises StatusError.
      options: how versions are looked for and loaded.
      wait: waits for an event, or so many seconds at most; tells whether the event came.
    """

    def __init__(self, load: Load, options: CoreOptions, wait: Wait = threading.Event.wait) -> None:
        self._options = options
        self._wait = wait
        self._states = StateLog()
        self._directory = Directory()
        slots = threading.BoundedSemaphore(options.num_load_threads or os.cpu_count() or 1)
        interval = options.load_retry_interval_micros / 1e6
        loader = Loader(load, options.max_num_load_retries, interval, slots, wait)
        self._reconciler = Reconciler(loader, self._directory, self._states)
        self._configuring = threading.Lock()  # one configuration at a time is checked and made the current one
        self._polling = threading.Lock()  # what an older look at the disk found does not follow a newer one
        self._config = ModelServerConfig()
        self._complaints: dict[str, Sequence[str]] = {}
        self._stopping = threading.Event()
        self._started = False
        self._pollers: list[threading.Thread] = []

    def start(self, config: ModelServerConfig) -> None:
        """Returns when every model of the configuration is available; waits for folders that are not there yet.

        Raises:
          StatusError: the configuration is not legal, a model cannot be loaded (UNKNOWN), or stop() came first.
        """
        try:
            names = self._configure(config)
            self._every(self._options.file_system_poll_wait_seconds, self.poll, "poll the file system")
            self._await(names, "servable")
        except StatusError:
            self.stop()
            raise
        self._started = True
        if self._options.model_config_file is not None:
            self._every(self._options.model_config_file_poll_wait_seconds, self._reread, "poll the configuration")

    def servable(self, spec: Any) -> AbstractContextManager[Servable]:
        """Returns a hold on the version that a ModelSpec means, for a `with` block: it is unloaded only after that.

        Entering it raises StatusError: NOT_FOUND for a model or version that is not available, INVALID_ARGUMENT for
        a label that is not known or a spec that names no model.
        """
        return Use(self._directory, spec)

    def statuses(self, name: str, version: int | None = None) -> list[Any]:
        """Returns the ModelVersionStatus of one or all versions that were ever here, the highest first.

        Raises:
          StatusError: there never was one (NOT_FOUND).
        """
        records = self._states.of(name)
        if version is not None:
            records = {number: record for number, record in records.items() if number == version}
        if not records:
            which = "any versions" if version is None else f"version {version}"
            raise not_found(f"Could not find {which} of model {name}")
        return [_status(number, record) for number, record in records.items()]

    def names(self) -> list[str]:
        """Returns the names of the models in the configuration."""
        return [model.name for model in self._config.model_config_list.config]

    def reload(self, config: ModelServerConfig) -> None:
        """Serves these models instead, and returns when those that are new are available.

        Raises:
          StatusError: the configuration is not legal (nothing has changed), or a new model cannot be loaded (UNKNOWN).
        """
        configs.check_reloadable(config)
        self._await(self._configure(config), "model")

    def is_ready(self) -> bool:
        """Tells whether the server has started and every model in the configuration has an available version."""
        running = self._started and not self._stopping.is_set()
        return running and all(self._reconciler.is_available(name) for name in self.names())

    def poll(self) -> None:
        """Looks at the disk for the wanted versions of every model."""
        with self._polling:
            if not self._stopping.is_set():
                for model in self._config.model_config_list.config:
                    self._poll(model)

    def stop(self) -> None:
        """Unloads every version once the requests that hold it are done, and returns after the last.

        A start() that still waits ends with an error. Not to be called by a signal handler, which may have
        interrupted the holder of a lock: let it set an event, or start a thread.
        """
        self._stopping.set()
        self._reconciler.wake()
        for poller in list(self._pollers):
            poller.join()
        with self._polling:
            self._reconciler.stop()

    def _configure(self, config: ModelServerConfig) -> list[str]:
        with self._configuring:
            old = self._config
            if config.WhichOneof("config") is None and not self.names():
                log.info("Taking no action for empty config.")
                return []
            configs.check(config, old)
            allow = self._options.allow_version_labels_for_unavailable_models
            new_labels = labels.assigned(config, self._directory.labels, self._is_available, allow_unavailable=allow)
            if config != old:
                log.info(
                    "Adding/updating models: %s", ", ".join(model.name for model in config.model_config_list.config)
                )
            self._directory.labels = new_labels
            before = set(self.names())
            self._replace(config)
            return [name for name in self.names() if name not in before]

    def _replace(self, config: ModelServerConfig) -> None:
        with self._polling:
            removed = set(self.names()) - {model.name for model in config.model_config_list.config}
            self._config = ModelServerConfig.FromString(config.SerializeToString())  # whatever the caller does to it
            for name in removed:
                self._reconciler.aspire(name, {})  # which also ends a reload that waits for it
        if self._options.file_system_poll_wait_seconds >= 0:
            self.poll()

    def _poll(self, model: Any) -> None:
        try:
            found = source.poll(model)
        except StatusError as error:
            self._complain(model.name, logging.ERROR, (error.message,))
        else:
            self._complain(model.name, logging.WARNING, found.warnings)
            self._reconciler.aspire(model.name, found.versions)

    def _complain(self, name: str, level: int, complaints: Sequence[str]) -> None:
        if complaints != self._complaints.get(name, ()):
            for complaint in complaints:
                log.log(level, "%s", complaint)
        self._complaints[name] = complaints

    def _reread(self) -> None:
        file = self._options.model_config_file
        assert file is not None
        try:
            self._configure(configs.read(file))  # waits for no model: the next change of the file is to be seen
        except StatusError as error:
            self._complain(str(file), logging.ERROR, (f"Reloading {file} failed: {error.message}",))
        else:
            self._complain(str(file), logging.ERROR, ())

    def _await(self, names: Sequence[str], kind: str) -> None:
        lost = self._reconciler.await_available(names, self._is_given_up)
        if lost:
            reasons = "".join(f"{{{_lost(name, version)}}}, " for name, version in lost.items())
            raise StatusError(StatusCode.UNKNOWN, f"{len(lost)} {kind}(s) did not become available: {{{reasons}}}")

    def _is_given_up(self, name: str) -> bool:
        return self._stopping.is_set() or name not in self.names()

    def _is_available(self, name: str, number: int) -> bool:
        available = self._directory.models.get(name)
        return available is not None and number in available.by_number

    def _every(self, seconds: float, work: Callable[[], None], name: str) -> None:
        if seconds <= 0:
            return

        def repeat() -> None:
            while not self._wait(self._stopping, seconds):
                work()

        poller = threading.Thread(target=repeat, name=name, daemon=True)
        poller.start()  # first, for stop() may come from another thread and joins what it finds
        self._pollers.append(poller)


def _lost(name: str, version: Version | None) -> str:
    if version is None or version.error is None:
        return f"{{name: {name}}} is no longer wanted"
    return f"{version} due to error: {version.error.code.name}: {version.error.message}"


def _status(number: int, record: Record) -> Any:
    status = get_model_status_pb2.ModelVersionStatus(version=number, state=int(record.state))
    if record.error is not None:
        status.status.error_code = record.error.code.value[0]
        status.status.error_message = record.error.message
    else:
        status.status.SetInParent()  # so that REST prints it
    return status
