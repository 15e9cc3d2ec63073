"""The seam between a client and the ways to a model server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

from serving.client.served import Metadata, Signature, Target, VersionStatus

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]  # texts are arrays of bytes or str objects


class Transport(Protocol):
    """One way to ask a model server; it may be used by several threads at once.

    Every method asks once, waits `timeout` seconds at most, and raises a ServerError where there is no answer.
    """

    @property
    def address(self) -> str:
        """Where it asks, for messages."""

    def predict(self, target: Target, signature: Signature, inputs: Tensors, timeout: float) -> dict[str, Array]:
        """Returns the signature's outputs; texts are arrays of bytes objects."""

    def metadata(self, target: Target, timeout: float) -> Metadata:
        """Returns the version that answers, with its signatures."""

    def status(self, target: Target, timeout: float) -> tuple[VersionStatus, ...]:
        """Returns how each version fares, or the one that the target names."""

    def close(self) -> None:
        """Gives the connections back."""
