"""The request log of each model, for requests that come over gRPC."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grpc import StatusCode

from serving.server.request_log import Kind, RequestLog, RequestLogOptions

KINDS: dict[str, Kind] = {
    "Predict": "predict",
    "Classify": "classify",
    "Regress": "regress",
    "MultiInference": "multi_inference",
}


@dataclass(frozen=True, slots=True)
class _Serialized:
    """A message that is bytes already."""

    data: bytes

    def SerializeToString(self) -> bytes:
        return self.data


class RequestLogs:
    """Logs a sample of the requests, each model's in files of its own below a folder; with no folder, nothing."""

    def __init__(self, folder: Path | None, sampling_rate: float, logged: Callable[[str, StatusCode], None]) -> None:
        self._folder = folder
        self._rate = sampling_rate
        self._logged = logged
        self._logs: dict[str, RequestLog] = {}
        self._lock = threading.Lock()

    def __call__(self, api: str, model_name: str, request: bytes, response: bytes) -> None:
        """Logs a request and its answer, or not, as chance has it."""
        if self._folder is None:
            return
        log = self._logs.get(model_name) or self._made(self._folder / model_name)
        log.add(KINDS[api], _Serialized(request), _Serialized(response))

    def close(self) -> None:
        """Writes what waits."""
        for log in self._logs.values():
            log.close()

    def _made(self, prefix: Path) -> RequestLog:
        name = prefix.name
        with self._lock:
            if name not in self._logs:
                options = RequestLogOptions(prefix, self._rate)
                self._logs[name] = RequestLog(options, lambda code: self._logged(name, code))
            return self._logs[name]
