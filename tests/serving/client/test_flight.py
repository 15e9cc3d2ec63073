from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.client.flight import in_order


@given(st.lists(st.integers()), st.integers(1, 5))
def test_results_have_the_order_of_the_batches(batches: list[int], at_once: int) -> None:
    """However many are under way, each batch gives one result, in its place."""
    assert list(in_order(lambda batch: -batch, batches, at_once)) == [-batch for batch in batches]


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_are_under_way_than_allowed(at_once: int) -> None:
    """So many work together, and none more: each waits until the others of its number are there."""
    together = threading.Barrier(at_once)
    counted = threading.Lock()
    under_way, most = 0, 0

    def work(batch: int) -> int:
        nonlocal under_way, most
        with counted:
            under_way += 1
            most = max(most, under_way)
        together.wait(30)
        with counted:
            under_way -= 1
        return batch

    assert list(in_order(work, range(2 * at_once), at_once)) == list(range(2 * at_once))
    assert most == at_once


def test_batches_are_drawn_when_there_is_room() -> None:
    """Of an endless stream no more is drawn than is under way."""
    drawn: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            drawn.append(number)
            yield number

    results = in_order(abs, endless(), 3)
    assert [next(results), next(results)] == [0, 1]
    assert drawn == [0, 1, 2, 3]


def test_an_error_is_raised_in_its_place() -> None:
    """What came before it is given first, and what comes behind is not begun."""

    def work(batch: int) -> float:
        return 1 / batch

    results = in_order(work, [1, 2, 0, 4], 1)
    assert [next(results), next(results)] == [1.0, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


def test_a_program_that_ends_waits_for_none() -> None:
    """The threads are daemons: a server that hangs does not keep a program that was stopped."""
    assert list(in_order(lambda _: threading.current_thread().daemon, range(2), 2)) == [True, True]
