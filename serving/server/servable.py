"""A version of a model, loaded: its signatures, and the session that runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Session(Protocol):
    """Runs a graph."""

    def run(
        self, feeds: tuple[str, ...], values: Sequence[Array], fetches: tuple[str, ...], deadline: float | None
    ) -> list[Array]:
        """Returns the tensors named `fetches` for `values` fed to those named `feeds`.

        `deadline` is in the seconds of time.monotonic().

        Raises:
          StatusError: the graph could not be run on them, or not in time.
        """

    def close(self) -> None:
        """Gives its memory back."""


@dataclass(frozen=True)
class TensorInfo:
    """An input or an output of a signature.

    Attributes:
      alias: its name in requests and answers.
      name: the tensor's name in the graph.
      dtype: a number of tensorflow.DataType.
      shape: -1 for a dimension of any size, None for any shape.
    """

    alias: str
    name: str
    dtype: int
    shape: tuple[int, ...] | None

    @cached_property
    def np_dtype(self) -> np.dtype[Any]:
        """As numpy has it; texts are objects."""
        from tensorflow import dtypes

        kind: np.dtype[Any] = np.dtype(dtypes.as_dtype(self.dtype).as_numpy_dtype)
        return kind


@dataclass(frozen=True)
class Signature:
    """A function of a model that clients can call.

    Attributes:
      key: its name.
      defaults: values of inputs that a request may leave out, by alias.
      is_strict: only the calls that `method_name` says are answered.
    """

    key: str
    method_name: str
    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]
    defaults: Mapping[str, Array] = field(default_factory=dict)
    is_strict: bool = False

    @cached_property
    def feeds(self) -> tuple[str, ...]:
        """The inputs' names in the graph, in the order of `inputs`."""
        return tuple(info.name for info in self.inputs.values())

    @cached_property
    def fetches(self) -> tuple[str, ...]:
        """The outputs' names in the graph, in the order of `outputs`."""
        return tuple(info.name for info in self.outputs.values())


@dataclass(frozen=True)
class Servable:
    """A version of a model that answers.

    Attributes:
      signatures: by key.
      signature_defs: the same as the SavedModel has them, SignatureDef messages.
    """

    name: str
    version: int
    path: Path
    signatures: Mapping[str, Signature]
    signature_defs: Mapping[str, Any]
    session: Session

    def close(self) -> None:
        """Gives its memory back."""
        self.session.close()
