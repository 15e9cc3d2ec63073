"""The rows that cannot be used: kept in a file, each with its place and the reason, and counted against a limit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from components.rows import BadRow
from schema.errors import DataAnomaly

SHOWN = 3
ROW_SHOWN = 80  # characters of a row in a message


def line(file: str, row: BadRow) -> str:
    """Returns a row as a line of the quarantine: an object with file, line, reason and row."""
    return json.dumps({"file": file, "line": row.number, "reason": row.reason, "row": row.row}, ensure_ascii=False)


def unreadable(file: str, reason: str) -> str:
    """Returns a line that says that a whole file could not be read."""
    return json.dumps({"file": file, "line": None, "reason": reason, "row": None}, ensure_ascii=False)


@dataclass(frozen=True)
class Quarantine:
    """A file of quarantined rows; there is none where every row could be used."""

    path: Path

    def check_readable(self) -> None:
        """Checks that every file could be read.

        Raises:
          DataAnomaly: some could not; the message is the reader's.
        """
        reasons = [str(row["reason"]) for row in self._rows() if row["line"] is None]
        if reasons:
            raise DataAnomaly("\n".join(reasons))

    def check(self, quarantined: int, rows: int, limit: float) -> None:
        """Holds the number of quarantined rows against the fraction that may be.

        Raises:
          DataAnomaly: there are more; the message shows the first.
        """
        if quarantined <= limit * rows:
            return
        first = [_shown(row) for row in islice(self._rows(), SHOWN)]
        raise DataAnomaly(
            f"{quarantined:,} of {rows:,} rows ({quarantined / rows:.2%}) cannot be used, and "
            f"gates.rows.max_quarantined allows {limit:.2%}.\n"
            + "\n".join(first)
            + ("\n…" if quarantined > SHOWN else "")
            + f"\nAll of them are in {self.path}. Mend them, or let more pass with gates.rows.max_quarantined."
        )

    def _rows(self) -> Iterator[dict[str, object]]:
        if self.path.exists():
            with self.path.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)


def _shown(row: dict[str, object]) -> str:
    text = str(row["row"])
    shown = text if len(text) <= ROW_SHOWN else text[:ROW_SHOWN] + "…"
    return f"{row['file']}: line {row['line']}: {row['reason']}: {shown}"
