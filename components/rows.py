"""Rows on their way from a source to the splits, and those that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.columns import Hashes

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: its number in its file, why, and the row as it was read.

    In a file of text the number is that of the line on which the row begins; else that of the row, from 1.
    """

    number: int
    reason: str
    row: str = ""


@dataclass(frozen=True)
class Batch:
    """Some rows of a table as a reader found them.

    Attributes:
      columns: one column for each name, text or typed.
      numbers: the number of each row in its file, shape [rows].
      broken: rows that are none, such as a line with too few values.
    """

    columns: pa.RecordBatch
    numbers: Numbers
    broken: tuple[BadRow, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Some rows, ready for a split.

    Attributes:
      examples: serialised tf.Examples, shape [examples].
      hashes: the hash of each, shape [examples].
      bad: the rows that are left out.
      read: how many rows the source gave, counted before any of them was left out.
    """

    examples: pa.LargeBinaryArray
    hashes: Hashes
    bad: tuple[BadRow, ...]
    read: int
