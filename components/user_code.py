"""Functions by dotted path: ours, and those with which a user replaces ours."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
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
        raise _not_importable(dotted_path, str(error)) from None
    function = getattr(module, name, None)
    if not callable(function):
        public = [word for word, value in vars(module).items() if callable(value) and not word.startswith("_")]
        raise UsageError(f"{dotted_path}: {module_name!r} has no function {name!r}. {did_you_mean(name, public)}")
    if arguments is not None:
        _check_signature(dotted_path, function, arguments)
    return function  # type: ignore[no-any-return]


def fingerprint(dotted_path: str) -> str:
    """Returns a hash of the code of the function's module, so that a cache can see that it changed.

    The module is found and not imported: that may take what this process does not have.

    Raises:
      UsageError: there is no such module.
    """
    source = _spec_of(dotted_path).origin
    return hashlib.sha256(Path(source).read_bytes() if source else b"").hexdigest()[:16]


def _spec_of(dotted_path: str) -> ModuleSpec:
    """Where the module of a function is."""
    top, *parts = dotted_path.rpartition(".")[0].split(".")
    spec = importlib.util.find_spec(top) if top else None
    for part in parts:
        places = spec.submodule_search_locations if spec else None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", places) if spec and places else None
    if spec is None:
        raise _not_importable(dotted_path, "it is not there")
    return spec


def _not_importable(dotted_path: str, why: str) -> UsageError:
    return UsageError(
        f"{dotted_path}: cannot import {dotted_path.rpartition('.')[0]!r}: {why}. "
        "Put the module in the current folder or on PYTHONPATH, or install it."
    )


def _check_signature(dotted_path: str, function: Callable[..., Any], arguments: Sequence[str]) -> None:
    try:
        inspect.signature(function).bind(**dict.fromkeys(arguments))
    except TypeError as error:
        wanted = f"{dotted_path.rpartition('.')[2]}({', '.join(arguments)})"
        raise UsageError(
            f"{dotted_path}{inspect.signature(function)}: {error}. It is called as {wanted}; give it these arguments."
        ) from None
