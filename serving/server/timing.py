"""How long a call of a model takes."""

from __future__ import annotations

import time
from collections.abc import Callable


class Timed:
    """Tells how long its block took, in seconds, when that ended well."""

    def __init__(self, tell: Callable[[str, str, float], None], model_name: str, api: str) -> None:
        self._tell, self._model_name, self._api = tell, model_name, api

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self._tell(self._model_name, self._api, time.perf_counter() - self._began)
