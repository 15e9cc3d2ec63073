"""Functions by dotted path: ours, and those with which a user replaces ours."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from schema.errors import UsageError, did_you_mean


def load_function(dotted_path: str, arguments: Sequence[str] | None = None) -> Callable[..., Any]:
    """Returns the function at `package.module.function`.

    Raises:
      UsageError: there is no such module or function, or it cannot be called with the named `arguments`.
    """
    module_name, _, name = dotted_path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError, TypeError) as error:  # the last two: a path without a module
        raise UsageError(
            f"{dotted_path}: cannot import {module_name!r}: {error}. "
            "Put the module in the current folder or on PYTHONPATH, or install it."
        ) from None
    function = getattr(module, name, None)
    if not callable(function):
        public = [word for word, value in vars(module).items() if callable(value) and not word.startswith("_")]
        raise UsageError(f"{dotted_path}: {module_name!r} has no function {name!r}. {did_you_mean(name, public)}")
    if arguments is not None:
        _check_signature(dotted_path, function, arguments)
    return function  # type: ignore[no-any-return]


def fingerprint(dotted_path: str) -> str:
    """Returns a hash of the code of the function's module, so that a cache can see that it changed."""
    module = importlib.import_module(dotted_path.rpartition(".")[0])
    source = inspect.getsourcefile(module)
    return hashlib.sha256(Path(source).read_bytes() if source else b"").hexdigest()[:16]


def _check_signature(dotted_path: str, function: Callable[..., Any], arguments: Sequence[str]) -> None:
    try:
        inspect.signature(function).bind(**dict.fromkeys(arguments))
    except TypeError as error:
        wanted = f"{dotted_path.rpartition('.')[2]}({', '.join(arguments)})"
        raise UsageError(
            f"{dotted_path}{inspect.signature(function)}: {error}. It is called as {wanted}; give it these arguments."
        ) from None
