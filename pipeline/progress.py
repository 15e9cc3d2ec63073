"""How far a long answer has come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

Item = TypeVar("Item")


def counted(items: Iterable[Item], what: str, err: TextIO, out: TextIO) -> Iterator[Item]:
    """Yields the items, and counts them on `err` where that is a terminal and `out`, which they go to, is none."""
    if out.isatty() or not err.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(f"{{task.completed:,}} {what}"), TimeElapsedColumn())
    with Progress(
        *columns, console=Console(file=err), transient=True, redirect_stdout=False, redirect_stderr=False
    ) as shown:
        yield from shown.track(items, total=None)
