"""A pushed model, called in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schema import contract
from schema.column import Value
from schema.errors import RowRefused
from serving.rows import NoRow, Row

BATCH = 1024
SIGNATURE = "predict_columns"
KINDS = {"string": "BYTES", "int32": "INT", "int64": "INT", "float64": "NUMBER"}  # others: FLOAT
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
        kinds = {name: KINDS.get(spec.dtype.name, "FLOAT") for name, spec in self._columns.items()}
        self._contract = contract.read(version, kinds)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that it reads."""
        return tuple(column.name for column in self._contract.columns)

    def predict(self, rows: Iterable[Row | NoRow]) -> Iterator[dict[str, Any]]:
        """Yields for each row, in order, its prediction, or {"error": why it gets none} with its number from 1.

        Absent columns count as missing, columns that the model lacks are ignored. No row changes another's answer.
        """
        numbered = enumerate(rows, start=1)
        while batch := list(islice(numbered, BATCH)):
            checked = [self._check(number, row) for number, row in batch]
            predictions = self._predictions([row for row in checked if not isinstance(row, RowRefused)])
            for row in checked:
                yield {"error": str(row)} if isinstance(row, RowRefused) else next(predictions)

    def _check(self, number: int, row: Row | NoRow) -> Checked | RowRefused:
        if isinstance(row, NoRow):
            return RowRefused(f"row {number}: {row.reason}")
        try:
            return self._contract.check(row)
        except RowRefused as refusal:
            return RowRefused(f"row {number}: {refusal}")

    def _predictions(self, rows: Sequence[Checked]) -> Iterator[dict[str, Any]]:
        if not rows:
            return
        outputs: Mapping[str, Any] = self._call(**self._tensors(rows))
        arrays = {name: outputs[name].numpy() for name in sorted(outputs)}  # which TensorFlow gives in any order
        for index in range(len(rows)):
            yield {name: _plain(array[index]) for name, array in arrays.items()}

    def _tensors(self, rows: Sequence[Checked]) -> dict[str, Any]:
        return {
            name: self._tf.constant(np.array([row[name] for row in rows], spec.dtype.as_numpy_dtype))
            for name, spec in self._columns.items()
        }


def _plain(value: npt.NDArray[Any] | np.generic | bytes) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return [_plain(one) for one in value.tolist()] if value.dtype == object else value.tolist()
