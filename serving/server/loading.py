"""A version of a model from its folder to one that may be served: loaded, batched, warmed up."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from grpc import StatusCode
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from serving.server import saved_model
from serving.server.batching.parameters import Parameters
from serving.server.batching.scheduler import SharedBatchScheduler
from serving.server.batching.session import BatchingSession
from serving.server.grpc_services import PredictionService
from serving.server.metrics import Metrics
from serving.server.servable import Servable
from serving.server.status import StatusError
from serving.server.warmup import replay

Load = Callable[[str, int, Path, saved_model.SessionOptions], Servable]


@dataclass(frozen=True)
class Batching:
    """How the requests of all versions are put together."""

    scheduler: SharedBatchScheduler
    parameters: Parameters


class VersionLoader:
    """Loads versions; what `lifecycle.Core` calls for each."""

    def __init__(
        self,
        options: saved_model.SessionOptions,
        metrics: Metrics,
        batching: Batching | None = None,
        warmup_iterations: int = 1,
        load: Load = saved_model.load,
    ) -> None:
        """`warmup_iterations` is how often each warm-up request is replayed; 0 for no warm-up."""
        self._options = options
        self._metrics = metrics
        self._batching = batching
        self._iterations = warmup_iterations
        self._load = load

    def __call__(self, name: str, version: int, path: Path) -> Servable:
        """Returns the version, warm.

        Raises:
          StatusError: it does not load, or a warm-up request fails.
        """
        began = time.monotonic()
        try:
            servable = self._loaded(name, version, path)
        except StatusError:
            self._metrics.loaded(str(path), succeeded=False, seconds=time.monotonic() - began)
            raise
        self._metrics.loaded(str(path), succeeded=True, seconds=time.monotonic() - began)
        return servable

    def _loaded(self, name: str, version: int, path: Path) -> Servable:
        servable = self._load(name, version, path, self._options)
        if self._batching:
            parameters = self._batching.parameters
            observer = self._metrics.batching(parameters.thread_pool_name, name, version)
            session = BatchingSession(servable.session, self._batching.scheduler, parameters, observer)
            servable = replace(servable, session=session)
        try:
            self._warm_up(servable, path)
        except StatusError:
            servable.close()
            raise
        return servable

    def _warm_up(self, servable: Servable, path: Path) -> None:
        if not self._iterations:
            return
        began = time.monotonic()
        records = replay(servable, path, partial(_answer, servable), self._iterations)
        if records:
            self._metrics.warmed_up(str(path), StatusCode.OK, time.monotonic() - began, records)


class _Only:
    """Holds one version, whatever a request names: what it is to be called then does not matter here."""

    def __init__(self, servable: Servable) -> None:
        self._servable = servable

    def servable(self, spec: ModelSpec) -> nullcontext[Servable]:
        del spec
        return nullcontext(self._servable)


class _Nobody:
    """Is told of requests that are no client's."""

    def answered(self, *about: Any) -> None:
        """Forgets it."""

    ran = received_examples = answered


def _answer(servable: Servable, log: PredictionLog) -> None:
    service = PredictionService(_Only(servable), _Nobody())
    methods: dict[str, Callable[[bytes, float | None], bytes]] = {
        "predict_log": service.predict,
        "classify_log": service.classify,
        "regress_log": service.regress,
        "multi_inference_log": service.multi_inference,
    }
    kind = log.WhichOneof("log_type")
    methods[kind](getattr(log, kind).request.SerializeToString(), None)
