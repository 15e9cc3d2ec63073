"""A pushed model, called in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from schema import contract
from schema.column import Value
from schema.errors import RowRefused
from serving.checked import answers_of, check_rows, kinds_of
from serving.rows import NoRow, Row

BATCH = 1024
SIGNATURE = "predict_columns"
Checked = dict[str, Value]


class LocalModel:
    """A version of a model, loaded from its folder with its contract.

    Raises:
      UsageError: the version's contract is no schema.
    """

    def __init__(self, version: Path) -> None:
        import tensorflow as tf

        self._tf = tf
        self._loaded = tf.saved_model.load(str(version))
        self._call = self._loaded.signatures[SIGNATURE]
        self._columns = self._call.structured_input_signature[1]
        kinds = kinds_of({name: spec.dtype.name for name, spec in self._columns.items()})
        self._contract = contract.read(version, kinds)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that it reads."""
        return tuple(column.name for column in self._contract.columns)

    def predict(self, rows: Iterable[Row | NoRow]) -> Iterator[dict[str, Any]]:
        """Yields for each row, in order, its prediction, or {"error": why it gets none} with its number from 1.

        Absent columns count as missing, columns that the model lacks are ignored. No row changes another's answer.
        """
        checked = check_rows(self._contract.check, rows)
        while batch := list(islice(checked, BATCH)):
            predictions = self._predictions([row for row in batch if not isinstance(row, RowRefused)])
            for row in batch:
                yield {"error": str(row)} if isinstance(row, RowRefused) else next(predictions)

    def _predictions(self, rows: Sequence[Checked]) -> Iterator[dict[str, Any]]:
        if not rows:
            return
        outputs = self._call(**self._tensors(rows))
        yield from answers_of({name: output.numpy() for name, output in outputs.items()})

    def _tensors(self, rows: Sequence[Checked]) -> dict[str, Any]:
        return {
            name: self._tf.constant(np.array([row[name] for row in rows], spec.dtype.as_numpy_dtype))
            for name, spec in self._columns.items()
        }
