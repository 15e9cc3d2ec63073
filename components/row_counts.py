"""How many rows a source gave, and where each went."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Self


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


def _added(one: Any, other: RowCounts) -> Any:
    return type(one)(
        one.read + other.read,
        one.quarantined + other.quarantined,
        one.written + other.written,
        one.spans + other.spans,
    )
