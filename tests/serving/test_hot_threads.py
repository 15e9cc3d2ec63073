"""Threads that take work, the last one done first."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, wait

import pytest

from serving.server.hot_threads import HotThreads

SECONDS = 30.0


def test_one_piece_of_work_after_the_other_stays_in_one_thread() -> None:
    """A thread that is idle takes the next piece; no second one is started."""
    pool = HotThreads(8, "hot")
    names = set()
    for _ in range(20):
        names.add(pool.submit(lambda: threading.current_thread().name).result(SECONDS))
        while not pool._idle:
            threading.Event().wait(0.001)
    pool.shutdown()
    assert names == {"hot_0"}


def test_as_many_run_at_once_as_there_are_threads() -> None:
    """Three meet at a barrier for three; a fourth waits for its turn, and gets it."""
    pool, barrier = HotThreads(3, "hot"), threading.Barrier(3)
    together = [pool.submit(barrier.wait, SECONDS) for _ in range(3)]
    later = [pool.submit(int, "7") for _ in range(5)]
    assert not wait([*together, *later], SECONDS).not_done
    assert [one.result() for one in later] == [7] * 5
    pool.shutdown()


def test_an_error_is_the_futures() -> None:
    """What work raises comes to who asks for the result, and the thread goes on."""
    pool = HotThreads(1, "hot")
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 // 0).result(SECONDS)
    assert pool.submit(int, "1").result(SECONDS) == 1
    pool.shutdown()


def test_a_shutdown_waits_for_what_waits() -> None:
    """All that was taken is done; what comes after is refused."""
    pool, go = HotThreads(1, "hot"), threading.Event()
    taken = [pool.submit(go.wait, SECONDS), pool.submit(int, "2"), pool.submit(int, "3")]
    closing = threading.Thread(target=pool.shutdown)
    closing.start()
    go.set()
    closing.join(SECONDS)
    assert [one.result(0) for one in taken] == [True, 2, 3]
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(int)


def test_a_shutdown_can_drop_what_waits() -> None:
    """What runs is done, and what waits is cancelled."""
    pool, go = HotThreads(1, "hot"), threading.Event()
    running, waiting = pool.submit(go.wait, SECONDS), pool.submit(int, "2")
    pool.shutdown(wait=False, cancel_futures=True)
    go.set()
    assert running.result(SECONDS)
    with pytest.raises(CancelledError):
        waiting.result(SECONDS)


def test_many_submitters_lose_nothing() -> None:
    """Eight threads submit a thousand pieces each to four; each is done once."""
    pool = HotThreads(4, "hot")
    done: list[int] = []
    submitters = [
        threading.Thread(target=lambda: [pool.submit(done.append, number) for number in range(1000)]) for _ in range(8)
    ]
    for submitter in submitters:
        submitter.start()
    for submitter in submitters:
        submitter.join(SECONDS)
    pool.shutdown()
    assert sorted(done) == sorted(list(range(1000)) * 8)
