"""How many rows a source gave, where each went, and whether a later step has seen them all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Self

from schema.errors import StepFailed

ROWS_PROPERTY = "rows"  # of the artifact of examples: rows by split, as JSON


@dataclass
class RowCounts:
    """Rows that were read, in all and by span, those in quarantine, and those written, by split."""

    read: int = 0
    quarantined: int = 0
    written: Counter[str] = field(default_factory=Counter)
    spans: Counter[int] = field(default_factory=Counter)

    @property
    def are_whole(self) -> bool:
        """Whether each row that was read was written or put in quarantine."""
        return self.read == self.written.total() + self.quarantined

    @classmethod
    def total(cls, parts: Iterable[RowCounts]) -> Self:
        """Returns the sum of several."""
        return reduce(_added, parts, cls())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Returns what `as_json` gave."""
        said = json.loads(text)
        spans = Counter({int(span): rows for span, rows in said["spans"].items()})
        return cls(said["read"], said["quarantined"], Counter(said["written"]), spans)

    def as_json(self) -> str:
        """Returns it as JSON."""
        return json.dumps(vars(self))


def check_rows(step: str, examples: Sequence[Any], splits: Sequence[str], found: int) -> None:
    """Holds how many rows a step found in some splits, taken together, against those that ExampleGen wrote.

    Examples of an ExampleGen that does not say how many it wrote are let pass.

    Args:
      step: its name.
      examples: the artifacts that it read.
      splits: which of their splits.
      found: the rows, as data: what the step made has that many, whatever its runner says.

    Raises:
      StepFailed: there are fewer, or more.
    """
    said = [one.get_string_custom_property(ROWS_PROPERTY) for one in examples]
    if not all(said):
        return
    written = sum(json.loads(rows).get(split, 0) for rows in said for split in splits)
    if found != written:
        raise StepFailed(
            f"{step}: the {' and '.join(splits)} split has {written:,} rows, as ExampleGen wrote it, and {found:,} are "
            "in what this step made. Its runner lost or doubled some, or a file was changed: run it with --no-cache."
        )


def _added(one: Any, other: RowCounts) -> Any:
    return type(one)(
        one.read + other.read,
        one.quarantined + other.quarantined,
        one.written + other.written,
        one.spans + other.spans,
    )
