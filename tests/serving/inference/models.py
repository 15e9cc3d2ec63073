"""Models whose graphs are Python functions, with tensors that are not called as clients call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.server.rest.fakes import FakeSession
from serving.server.servable import Array, Servable, Signature, TensorInfo

FLOAT, STRING = 1, 7
PREDICT, CLASSIFY, REGRESS = (f"tensorflow/serving/{method}" for method in ("predict", "classify", "regress"))


def signature(inputs: str, outputs: str, key: str = "serving_default", method: str = PREDICT, **more: Any) -> Signature:
    """A signature; inputs and outputs are aliases with spaces between, and their tensors are called `alias:0`."""
    return Signature(key, method, _infos(inputs), _infos(outputs), **more)


def _infos(aliases: str) -> dict[str, TensorInfo]:
    return {alias: TensorInfo(alias, f"{alias}:0", FLOAT, None) for alias in aliases.split()}


def model(function: Callable[[dict[str, Array]], Mapping[str, Any]], *signatures: Signature) -> Servable:
    """Version 3 of m, whose graph gives all tensors that the function does, by their names without `:0`."""

    def run(feeds: dict[str, Array]) -> dict[str, Array]:
        tensors = function({name.removesuffix(":0"): array for name, array in feeds.items()})
        return {f"{name}:0": array for name, array in tensors.items()}

    by_key = {each.key: each for each in signatures}
    return Servable("m", 3, Path("/models/m/3"), by_key, {}, FakeSession(run))


def fails(feeds: dict[str, Array]) -> dict[str, Array]:
    """A graph that nobody should run."""
    raise AssertionError(feeds)


def floats(*values: Any) -> Array:
    """An array of float32."""
    return np.array(values, np.float32)


def strings(*values: Any) -> Array:
    """An array of texts."""
    return np.array(values, object)
