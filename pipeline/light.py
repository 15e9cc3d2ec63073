"""TFX without TensorFlow: enough to compile a DAG, to launch its steps, and to read rows.

TFX's components import their executors, and those TensorFlow and all that is built on it, though a DAG holds no more
than their names: seconds before the first step, even where everything was done before. In a process that stays light
these libraries are stand-ins: what is asked of them is a class without content, good to be named, annotated with and
derived from. The executors that compute run in another process, which has the libraries (pipeline/warm.py).
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Self

HEAVY = frozenset(
    {
        *("keras", "sklearn", "tensorflow", "tensorflow_data_validation", "tensorflow_model_analysis"),
        *("tensorflow_serving", "tensorflow_transform", "tf_keras", "tfx_bsl"),
    }
)
REAL = ("tensorflow.core.example", "tensorflow.tools.", "tensorflow_model_analysis.proto")  # messages and decorators
EMPTY = (
    "tensorflow_model_analysis.sdk",  # to which TFX adds what it needs
    "tfx.components",  # would import each of them
    "tfx.dsl.io.plugins.tensorflow_gfile",
)


def stay_light() -> None:
    """Has this process, and those that it forks, import stand-ins; call it before TFX is imported.

    A process that has TensorFlow already stays as it is: half of it cannot stand in.
    """
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, StandInFinder())


@contextmanager
def quick_imports(*left_out: str) -> Iterator[None]:
    """Imports many modules in less time: without Python's search for garbage, and without some optional libraries.

    Args:
      left_out: modules that seem not to be installed, in this block and after it.
    """
    for name in left_out:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # as the import system has it
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # modules are no garbage, and what is not looked at stays shared with forked processes
        gc.enable()


class StandIn(ModuleType):
    """A module, any name of which is a submodule that there is, or else a class without content."""

    def __getattr__(self, name: str) -> Any:
        """Returns the submodule, or makes the class."""
        if name.startswith("__"):
            raise AttributeError(name)
        if PathFinder.find_spec(f"{self.__name__}.{name}", self.__dict__.get("__path__", [])):
            return import_module(f"{self.__name__}.{name}")
        made = type(name, (_Nothing,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class StandInFinder(MetaPathFinder, Loader):
    """Finds a stand-in where there is a heavy module."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Returns the spec of a stand-in, whose submodules are where the real ones are; None for a light module."""
        del target
        real = PathFinder.find_spec(name, path) if _is_heavy(name) else None
        if real is None:
            return None
        spec = ModuleSpec(name, self, origin=real.origin, is_package=real.submodule_search_locations is not None)
        spec.submodule_search_locations = real.submodule_search_locations
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Returns the stand-in, or an empty module."""
        return ModuleType(spec.name) if spec.name in EMPTY else StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Does nothing, which is what saves the time."""


class _Nothing:
    """What every name in a stand-in is."""

    def __new__(cls, *arguments: object, **options: object) -> Self:
        """Refuses: what is called here would compute something.

        Raises:
          RuntimeError: always.
        """
        del arguments, options
        raise RuntimeError(
            f"{cls.__module__}.{cls.__qualname__} was called in a process that launches steps, and has "
            "none of the libraries that they compute with (pipeline/light.py)."
        )


def _is_heavy(name: str) -> bool:
    top, _, rest = name.partition(".")
    if top in HEAVY:
        return not name.startswith(REAL)
    return name in EMPTY or (top == "tfx" and rest.rpartition(".")[2] == "executor")
