"""One pool of threads that run the batches of many queues in turn.

The semantics are SharedBatchScheduler's (tensorflow/core/kernels/batching_util/shared_batch_scheduler.h). Under the GIL
each hand-over from thread to thread costs as much as a small model's call. So a request that finds nothing waiting and
a thread's place free runs in its own thread, in that place; the pool's threads come in when something has to wait, and
stay until nothing does. A request thread is woken once, by its answer.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from grpc import StatusCode

from serving.server.batching.queue import BatchQueue
from serving.server.batching.task import Task
from serving.server.status import StatusError

CLOSED = "Session has been closed."


class SharedBatchScheduler:
    """Runs at most `threads` batches at once. Safe for threads."""

    def __init__(self, threads: int, name: str) -> None:
        self._threads = threads
        self._running = 0
        self._closed = False
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._drained = threading.Condition(self._lock)
        self._waiting: deque[BatchQueue] = deque()  # queues that hold tasks; the first one's turn is next
        self._pool = [threading.Thread(target=self._serve, name=f"{name}-{n}", daemon=True) for n in range(threads)]
        for thread in self._pool:
            thread.start()

    def submit(self, queue: BatchQueue, task: Task) -> None:
        """Sees to it that a task gets its answer; it may have it already when this returns.

        Raises:
          StatusError: the queue did not take it.
        """
        with self._lock:
            here = self._running < self._threads and not self._waiting and queue.passes(task)
            if here:
                self._enter(queue)
            else:
                self._enqueue(queue, task)
        if here:
            try:
                queue.process([task])
            finally:
                with self._lock:
                    self._leave(queue)
                    if self._waiting:
                        self._work.notify()  # the place is free again

    def depth(self, queue: BatchQueue) -> int:
        """How many tasks wait in a queue."""
        with self._lock:
            return queue.depth()

    def drain(self, queue: BatchQueue) -> None:
        """Closes a queue and returns when all of its tasks have their answers."""
        with self._lock:
            queue.closed = True
            self._work.notify_all()
            while queue or queue.running:
                self._drained.wait()

    def close(self) -> None:
        """Ends the pool's threads when no task waits any more."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
        for thread in self._pool:
            thread.join()

    def _enqueue(self, queue: BatchQueue, task: Task) -> None:
        if queue.closed or self._closed:
            raise StatusError(StatusCode.CANCELLED, CLOSED)
        before = queue.due()
        queue.add(task, task.enqueued)
        if before == math.inf:
            self._waiting.append(queue)
        if queue.due() < before and self._running < self._threads:
            self._work.notify()  # so that a thread runs it, or waits until it is due

    def _serve(self) -> None:
        with self._lock:
            while not self._closed or self._waiting:
                if queue := self._next():
                    self._run(queue)
                else:
                    self._work.wait(self._patience())

    def _next(self) -> BatchQueue | None:
        """Returns the queue whose batch is to run now, round robin, or None."""
        if self._running >= self._threads:
            return None
        now = time.monotonic()
        for _ in range(len(self._waiting)):
            queue = self._waiting[0]
            self._waiting.rotate(-1)
            if self._closed or queue.due() <= now:
                return queue
        return None

    def _run(self, queue: BatchQueue) -> None:
        """Runs a queue's first batch, with the lock given back meanwhile."""
        tasks = queue.take()
        if not queue:
            self._waiting.remove(queue)
        self._enter(queue)
        if self._waiting and self._running < self._threads:
            self._work.notify()  # the next batch's clock must not stand still meanwhile
        self._lock.release()
        try:
            queue.process(tasks)
        finally:
            self._lock.acquire()
            self._leave(queue)

    def _enter(self, queue: BatchQueue) -> None:
        self._running += 1
        queue.running += 1

    def _leave(self, queue: BatchQueue) -> None:
        self._running -= 1
        queue.running -= 1
        if queue.closed:
            self._drained.notify_all()

    def _patience(self) -> float | None:
        """How long nothing is due, in seconds; None for as long as nothing comes."""
        if self._running >= self._threads or not self._waiting:
            return None
        return max(min(queue.due() for queue in self._waiting) - time.monotonic(), 0)
