"""Brings the versions that are loaded to those that are wanted, each load and unload on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serving.server.lifecycle.lookup import Directory
from serving.server.lifecycle.policy import Action, Snapshot, Verb, next_action
from serving.server.lifecycle.states import State, StateLog
from serving.server.lifecycle.version import Version
from serving.server.servable import Servable
from serving.server.status import StatusError

log = logging.getLogger(__name__)


@dataclass
class _Model:
    aspired: Mapping[int, Path] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)

    @property
    def available(self) -> dict[int, Version]:
        return {number: one for number, one in self.versions.items() if one.state is State.AVAILABLE}

    @property
    def failed(self) -> list[Version]:
        """Its aspired versions, if all of them ended in errors; none as long as one may yet be available."""
        versions = [self.versions[number] for number in self.aspired if number in self.versions]
        ended = all(one.state is State.END and one.error and not one.cancelled.is_set() for one in versions)
        return versions if ended and len(versions) == len(self.aspired) else []

    def snapshots(self) -> list[Snapshot]:
        return [Snapshot(number, one.state, number in self.aspired) for number, one in self.versions.items()]


class Reconciler:
    """Loads the versions that are aspired to, and unloads the others without losing a request. Safe for threads.

    Args:
      load: loads a version, or raises StatusError.
      directory: where the available versions are put for requests to find.
      states: where each step is published.
    """

    def __init__(self, load: Callable[[Version], Servable], directory: Directory, states: StateLog) -> None:
        self._load_version = load
        self._directory = directory
        self._states = states
        self._changed = threading.Condition()  # guards what follows
        self._models: dict[str, _Model] = {}
        self._threads: set[threading.Thread] = set()

    def aspire(self, name: str, versions: Mapping[int, Path]) -> None:
        """Makes these the wanted versions of a model. What to do about it begins now and goes on when this returns.

        A version keeps the folder that it was loaded from. One that ended in an error stays so until it is
        no longer wanted; wanted again, it is loaded anew.
        """
        with self._changed:
            model = self._models.setdefault(name, _Model())
            model.aspired = dict(versions)
            self._settle(name, model)

    def is_available(self, name: str) -> bool:
        """Tells whether a version of a model can be looked up."""
        return name in self._directory.models

    def await_available(self, names: Collection[str], given_up: Callable[[str], bool]) -> dict[str, Version | None]:
        """Blocks until each model is available, failed or given up; returns those that are not available.

        Those that failed come with the highest version that did.
        """
        with self._changed:
            self._changed.wait_for(lambda: all(given_up(name) or self._decided(name) for name in names))
            lost = [name for name in names if not self.is_available(name)]
            return {name: max(self._failed(name), key=lambda one: one.number, default=None) for name in lost}

    def wake(self) -> None:
        """Makes await_available look at what is given up."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Unloads everything, and returns when that is done and the last request has left."""
        with self._changed:
            for name, model in self._models.items():
                model.aspired = {}
                self._settle(name, model)
            self._changed.wait_for(lambda: not self._threads)

    def _decided(self, name: str) -> bool:
        return self.is_available(name) or bool(self._failed(name))

    def _failed(self, name: str) -> list[Version]:
        return self._models[name].failed if name in self._models else []

    def _settle(self, name: str, model: _Model) -> None:
        self._forget(model)
        for number in model.aspired.keys() - model.versions.keys():
            model.versions[number] = Version(name, number, model.aspired[number])
            self._states.publish(name, number, State.START)
        while action := next_action(model.snapshots()):
            self._take(model, action)
        self._changed.notify_all()

    def _forget(self, model: _Model) -> None:
        for version in list(model.versions.values()):
            is_aspired = version.number in model.aspired
            if version.state is State.LOADING and not is_aspired:
                version.cancelled.set()
            keeps_error = version.error is not None and is_aspired and not version.cancelled.is_set()
            if version.state is State.END and not keeps_error:
                del model.versions[version.number]

    def _take(self, model: _Model, action: Action) -> None:
        version = model.versions[action.number]
        if action.verb is Verb.LOAD:
            self._move(version, State.LOADING)
            self._spawn(self._load, version)
            return
        self._move(version, State.UNLOADING)  # said first, so that who sees AVAILABLE can call it
        self._directory.replace(version.name, model.available)
        self._spawn(self._unload, version)

    def _move(self, version: Version, state: State, error: StatusError | None = None) -> None:
        version.state, version.error = state, error
        self._states.publish(version.name, version.number, state, error)

    def _spawn(self, work: Callable[[Version], None], version: Version) -> None:
        thread = threading.Thread(
            target=self._run, args=(work, version), name=f"{work.__name__} {version}", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def _run(self, work: Callable[[Version], None], version: Version) -> None:
        try:
            work(version)
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())
                self._settle(version.name, self._models[version.name])

    def _load(self, version: Version) -> None:
        try:
            version.servable = self._load_version(version)
        except StatusError as error:
            with self._changed:
                self._move(version, State.END, error)
            return
        with self._changed:
            version.state = State.AVAILABLE
            self._directory.replace(version.name, self._models[version.name].available)
            self._move(version, State.AVAILABLE)
        log.info("Successfully loaded servable version %s", version)

    def _unload(self, version: Version) -> None:
        log.info("Quiescing servable version %s", version)
        version.drain()
        log.info("Unloading servable version %s", version)
        servable, version.servable = version.servable, None
        try:
            if servable is not None:
                servable.close()
        finally:
            with self._changed:
                self._move(version, State.END)
        log.info("Done unloading servable version %s", version)
