"""What a model server says of a model: its versions, and the signatures of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from schema.errors import UsageError

NAMES = {"half": "float16", "float": "float32", "double": "float64"}  # which DT_… names unlike numpy


@dataclass(frozen=True)
class Target:
    """Whom a request is for: a model, in the version that is named, or that a label points to, or else the latest.

    Raises:
      UsageError: it has no name, or both a version and a label.
    """

    model: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not self.model:
            raise UsageError("The model has no name. Give that under which the server has it.")
        if self.version is not None and self.label is not None:
            raise UsageError(
                f"Both version {self.version} and label {self.label!r} are given. A model is asked by one of them, "
                "or by neither for its latest version."
            )


@dataclass(frozen=True)
class Tensor:
    """An input or an output of a signature.

    Attributes:
      dtype: as TensorFlow names it: float32, string.
      shape: -1 for a dimension of any size, None for any shape.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None

    @property
    def numpy(self) -> np.dtype[Any]:
        """Its type in numpy; texts are objects."""
        return np.dtype("object" if self.dtype == "string" else self.dtype)

    @property
    def is_column(self) -> bool:
        """Whether it has one plain value for each row."""
        return self.shape is None or len(self.shape) == 1


@dataclass(frozen=True)
class Signature:
    """A function of a model that can be called."""

    name: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


@dataclass(frozen=True)
class Metadata:
    """A version of a model, with what can be called of it."""

    model: str
    version: int
    signatures: Mapping[str, Signature]


@dataclass(frozen=True)
class VersionStatus:
    """How a version of a model fares.

    Attributes:
      state: START, LOADING, AVAILABLE, UNLOADING or END.
      code: OK, or why it could not be loaded.
      message: the same in words.
    """

    version: int
    state: str
    code: str
    message: str


def tensor(name: str, dtype: str, shape: tuple[int, ...] | None) -> Tensor:
    """Returns a tensor whose type is named as the protocol does: DT_FLOAT."""
    word = dtype.removeprefix("DT_").lower()
    return Tensor(name, NAMES.get(word, word), shape)
