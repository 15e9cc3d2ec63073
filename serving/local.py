"""A pushed model, called in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schema.errors import UsageError
from serving.rows import Row

BATCH = 1024
SIGNATURE = "predict_columns"


class LocalModel:
    """A version of a model, loaded from its folder."""

    def __init__(self, version: Path) -> None:
        import tensorflow as tf

        self._tf = tf
        self._loaded = tf.saved_model.load(str(version))
        self._call = self._loaded.signatures[SIGNATURE]
        self._columns = self._call.structured_input_signature[1]

    def predict(self, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
        """Yields a prediction for each row: absent columns count as missing, columns that the model lacks are ignored.

        Raises:
          UsageError: a value is not of its column's type; the message names the row, counted from 1, and the column.
        """
        rows = iter(rows)
        for first in count(1, BATCH):
            batch = list(islice(rows, BATCH))
            if not batch:
                return
            outputs = self._call(**self._tensors(batch, first))
            arrays = {name: output.numpy() for name, output in outputs.items()}
            for index in range(len(batch)):
                yield {name: _plain(array[index]) for name, array in arrays.items()}

    def _tensors(self, batch: list[Row], first: int) -> dict[str, Any]:
        return {
            name: self._tf.constant(_column(name, batch, first, is_text=spec.dtype == self._tf.string), spec.dtype)
            for name, spec in self._columns.items()
        }


def _column(name: str, batch: list[Row], first: int, *, is_text: bool) -> list[str] | list[float]:
    if is_text:
        return ["" if row.get(name) is None else str(row[name]) for row in batch]
    return [_number(name, row.get(name), first + index) for index, row in enumerate(batch)]


def _number(name: str, value: Any, row: int) -> float:
    if value is None or value == "":
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise UsageError(f"Row {row}: {name!r} is {value!r}, and the model needs a number there.") from None


def _plain(value: npt.NDArray[Any] | np.generic | bytes) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.tolist()
