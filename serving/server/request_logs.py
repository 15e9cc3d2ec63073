"""The request log of each model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from grpc import StatusCode

from serving.server.request_log import Kind, RequestLog, RequestLogOptions, Serializable, make_folder

KINDS: dict[str, Kind] = {
    "Predict": "predict",
    "Classify": "classify",
    "Regress": "regress",
    "MultiInference": "multi_inference",
}


class RequestLogs:
    """Logs a sample of the requests, each model's where its configuration says, else below a folder if there is one."""

    def __init__(
        self,
        folder: Path | None,
        sampling_rate: float,
        logged: Callable[[str, StatusCode], None],
        configured: Mapping[str, RequestLogOptions] | None = None,
    ) -> None:
        """`logged` is told of each request that was sampled, by its model's name, and what became of it.

        `configured` is what models' own `logging_config` asks for, by their names.

        Raises:
          UsageError: the folder cannot be made.
        """
        if folder is not None:
            make_folder(folder)
        self._folder = folder
        self._rate = sampling_rate
        self._logged = logged
        self._configured = configured or {}
        self._logs: dict[str, RequestLog] = {}
        self._lock = threading.Lock()

    def __call__(self, api: str, model_name: str, request: Serializable, response: Serializable) -> None:
        """Logs a request and its answer, or not, as chance has it; only those that it logs are serialised."""
        log = self._logs.get(model_name) or self._made(model_name)
        if log is not None:
            log.add(KINDS[api], request, response)

    def close(self) -> None:
        """Writes what waits."""
        for log in list(self._logs.values()):
            log.close()

    def _made(self, name: str) -> RequestLog | None:
        options = self._options(name)
        if options is None:
            return None
        with self._lock:
            if name not in self._logs:
                self._logs[name] = RequestLog(options, lambda code: self._logged(name, code))
            return self._logs[name]

    def _options(self, name: str) -> RequestLogOptions | None:
        if name in self._configured:
            return self._configured[name]
        return RequestLogOptions(self._folder / quote(name, safe=""), self._rate) if self._folder else None
