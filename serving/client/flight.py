"""Work on several batches at once, given back in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Batch = TypeVar("Batch")
Done = TypeVar("Done")


def in_order(work: Callable[[Batch], Done], batches: Iterable[Batch], at_once: int) -> Iterator[Done]:
    """Yields `work` of each batch, in their order, with at most `at_once` under way.

    A batch is drawn when there is room for it: whoever takes the results slowly slows the batches down. What one raises
    is raised in its place; then, and when the iterator is dropped, nothing new is begun.
    """
    under_way: deque[Future[Done]] = deque()
    for batch in batches:
        under_way.append(_begin(work, batch))
        if len(under_way) >= at_once:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _begin(work: Callable[[Batch], Done], batch: Batch) -> Future[Done]:
    """Works in a thread of its own. A pool's threads would keep a stopped program waiting for a server that hangs."""
    future: Future[Done] = Future()

    def run() -> None:
        try:
            future.set_result(work(batch))
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is raised where the result is asked for
            future.set_exception(error)

    Thread(target=run, name="penstock-client", daemon=True).start()
    return future
