"""A pool of threads in which the one that was done last takes the next piece of work.

ThreadPoolExecutor wakes its threads in turn. A model's call from a thread whose caches are cold costs up to twice the
CPU; with one request after the other two threads took 1,450 µs each time where a single one takes 900.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class HotThreads(Executor):
    """At most so many threads, started as they are needed."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._idle: list[_Thread] = []  # the last one is the hottest
        self._threads: list[_Thread] = []
        self._waiting: deque[_Work] = deque()
        self._is_shut = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Runs `fn` in a thread; when all are busy, as soon as one is not.

        Raises:
          RuntimeError: the pool has been shut down.
        """
        work = _Work(fn, args, kwargs)
        with self._lock:
            if self._is_shut:
                raise RuntimeError("the pool has been shut down")
            if self._idle:
                self._idle.pop().take(work)
            elif len(self._threads) < self._most:
                self._threads.append(_Thread(self, work, f"{self._name}_{len(self._threads)}"))
            else:
                self._waiting.append(work)
        return work.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # Executor's
        """Takes no more work. `cancel_futures` drops what waits for a thread; `wait` is for the threads to end."""
        with self._lock:
            self._is_shut = True
            dropped = [self._waiting.popleft() for _ in range(len(self._waiting))] if cancel_futures else []
            for thread in self._idle:
                thread.take(None)
            self._idle.clear()
        for work in dropped:
            work.future.cancel()
        for thread in self._threads if wait else ():
            thread.join()

    def next_for(self, thread: _Thread) -> bool:
        """Gives a thread that is done what waits; tells whether it may end."""
        with self._lock:
            if self._waiting:
                thread.take(self._waiting.popleft())
            elif self._is_shut:
                return False
            else:
                self._idle.append(thread)
        return True


class _Work:
    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._fn, self._args, self._kwargs = fn, args, kwargs
        self.future: Future[Any] = Future()

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self._fn(*self._args, **self._kwargs)
        except BaseException as error:  # noqa: BLE001  # the future's, whatever it is
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class _Thread(threading.Thread):
    def __init__(self, pool: HotThreads, work: _Work, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._pool = pool
        self._work: _Work | None = work
        self._has_work = threading.Lock()  # held while there is none
        self.start()

    def take(self, work: _Work | None) -> None:
        """Wakes the thread; with None it ends."""
        self._work = work
        self._has_work.release()

    def run(self) -> None:
        self._has_work.acquire()
        while self._work is not None:
            self._work.run()
            self._work = None
            if not self._pool.next_for(self):
                return
            self._has_work.acquire()
