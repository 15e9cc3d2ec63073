"""Batches of rows: asked at once, and where the server refuses one, halved until the row is found that is at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from schema.errors import RowRefused
from serving.checked import answers_of, refused
from serving.client.errors import RequestRefused, ServerError
from serving.client.inputs import Inputs
from serving.client.transport import Array

Answer = dict[str, Any]
Numbered = tuple[int, Any]  # a row's number, and what is asked for it or why it is refused
Item = TypeVar("Item")


def batched(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Yields the items in lists of `size`, the last one of what is left."""
    while batch := list(islice(items, size)):
        yield batch


@dataclass(frozen=True)
class Asking:
    """Asks for rows together.

    Attributes:
      inputs: how rows become a signature's inputs.
      ask: calls the signature.
      address: where, for messages.
    """

    inputs: Inputs
    ask: Callable[[dict[str, Array]], dict[str, Array]]
    address: str

    def answers(self, batch: Sequence[Numbered]) -> list[Answer]:
        """Returns one answer for each row of a batch.

        Raises:
          ServerError: the server answers none of them.
        """
        accepted = [(number, row) for number, row in batch if not isinstance(row, RowRefused)]
        answers = iter(self._ask_or_halve(accepted))
        return [{"error": str(row)} if isinstance(row, RowRefused) else next(answers) for _, row in batch]

    def _ask_or_halve(self, rows: Sequence[Numbered]) -> list[Answer]:
        if not rows:
            return []
        try:
            outputs = self.ask(self.inputs.encode([row for _, row in rows]))
        except RequestRefused as refusal:
            if refusal.code != "INVALID_ARGUMENT":  # it is no row's fault
                raise
            if len(rows) == 1:
                return [{"error": str(refused(rows[0][0], refusal.message))}]
            half = len(rows) // 2
            return [*self._ask_or_halve(rows[:half]), *self._ask_or_halve(rows[half:])]
        self._check_count(outputs, len(rows))
        return list(answers_of(outputs))

    def _check_count(self, outputs: dict[str, Array], rows: int) -> None:
        for name, array in outputs.items():
            if array.shape[:1] != (rows,):
                message = f"output {name!r} has shape {list(array.shape)}, for {rows} rows; call() gives it as it is"
                raise ServerError("INTERNAL", message, self.address)
