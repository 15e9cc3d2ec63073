from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from grpc import StatusCode
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.server.batching.fakes import FunctionSession, Gate
from serving.server.batching.parameters import Parameters
from serving.server.batching.scheduler import SharedBatchScheduler
from serving.server.batching.session import BatchingSession
from serving.server.servable import Array
from serving.server.status import StatusError, invalid_argument

BAD = -1.0
ONE_THREAD = Parameters(num_batch_threads=1)
LATER = 3600.0  # seconds
FULL = "The batch scheduling queue to which this task was submitted is full; "


class Told:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.batches: list[tuple[int, int]] = []
        self.count: Callable[[], int] = lambda: -1

    def queued(self, seconds: float) -> None:
        self.waits.append(seconds)

    def processed(self, batch_size: int, padding: int) -> None:
        self.batches.append((batch_size, padding))

    def depth(self, count: Callable[[], int]) -> None:
        self.count = count


@dataclass
class Clients:
    """Threads that each ask a batching session for something."""

    session: BatchingSession
    told: Told
    pool: ThreadPoolExecutor

    def ask(self, *rows: float, deadline: float | None = None) -> Future[list[Array]]:
        """Asks for `y` of rows of `x`."""
        return self.pool.submit(self.session.run, ("x",), [np.array(rows, np.float32)], ("y",), deadline)

    def waiting(self, *rows: float, deadline: float | None = None) -> Future[list[Array]]:
        """Asks, and returns when the request waits in the queue."""
        before = self.session.depth()
        asked = self.ask(*rows, deadline=deadline)
        _until(lambda: self.session.depth() > before)
        return asked


def _until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not condition():
        pause.wait(0.001)


@contextmanager
def _clients(session: FunctionSession, parameters: Parameters, threads: int = 24) -> Iterator[Clients]:
    scheduler = SharedBatchScheduler(parameters.num_batch_threads, parameters.thread_pool_name)
    told = Told()
    batching = BatchingSession(session, scheduler, parameters, told)
    with ThreadPoolExecutor(threads) as pool:
        yield Clients(batching, told, pool)
    batching.close()
    scheduler.close()


def _doubled(values: Sequence[Array]) -> list[Array]:
    return [values[0] * 2]


def _picky(values: Sequence[Array]) -> list[Array]:
    if (values[0] == BAD).any():
        raise invalid_argument("a bad row")
    return _doubled(values)


def _failure(asked: Future[list[Array]]) -> tuple[StatusCode, str]:
    with pytest.raises(StatusError) as failed:
        asked.result()
    return failed.value.code, failed.value.message


@st.composite
def _parameters(draw: st.DrawFn) -> Parameters:
    limit = draw(st.integers(1, 12))
    splitting = draw(st.booleans())
    sizes = draw(st.just(()) | st.sets(st.integers(1, limit)).map(lambda some: tuple(sorted({*some, limit}))))
    return Parameters(
        max_batch_size=limit * draw(st.integers(1, 4)) if splitting else limit,
        batch_timeout_micros=draw(st.sampled_from([0, 0, 500, 3000])),
        max_enqueued_batches=1000,
        num_batch_threads=draw(st.integers(1, 3)),
        allowed_batch_sizes=sizes,
        pad_variable_length_inputs=draw(st.booleans()),
        enable_large_batch_splitting=splitting,
        max_execution_batch_size=limit,
    )


def _answer_of(values: Sequence[Array]) -> list[Array]:
    """A graph whose rows' answers are their own business: a number, and a text of two inputs."""
    numbers, texts = values
    firsts = texts if texts.ndim == 1 else texts[:, 0]
    joined = np.array([b"%s/%d" % (text, number) for text, number in zip(firsts, numbers, strict=True)], object)
    return [numbers * 2, joined]


def _checked(values: Sequence[Array]) -> list[Array]:
    if (values[0] < 0).any():
        raise invalid_argument("a bad row")
    return _answer_of(values)


@settings(max_examples=150, deadline=None)
@given(
    parameters=_parameters(),
    tasks=st.lists(st.tuples(st.integers(0, 14), st.integers(0, 3), st.booleans()), min_size=1, max_size=24),
)
def test_every_request_gets_its_own_rows_back(parameters: Parameters, tasks: list[tuple[int, int, bool]]) -> None:
    """Whatever the sizes, inner shapes and parameters, an answer is that of the request's own rows, in their order.

    Requests with a bad row, or with too many, fail; and no other does.
    """
    requests = [_request(number, *task) for number, task in enumerate(tasks)]
    fake = FunctionSession(_checked)
    with _clients(fake, parameters) as clients:
        run = clients.session.run
        asked = [clients.pool.submit(run, ("a", "b"), values, ("y", "z"), None) for values in requests]
    for values, answer in zip(requests, asked, strict=True):
        if len(values[0]) > parameters.max_batch_size:
            assert _failure(answer)[0] is StatusCode.INVALID_ARGUMENT
        elif (values[0] < 0).any():
            assert _failure(answer) == (StatusCode.INVALID_ARGUMENT, "a bad row")
        else:
            expected = _answer_of(values)
            assert [array.tolist() for array in answer.result()] == [array.tolist() for array in expected]
            assert [array.dtype for array in answer.result()] == [array.dtype for array in expected]
    assert fake.most <= parameters.num_batch_threads
    assert all(len(call[0]) <= parameters.batch_limit for call in fake.calls)
    assert not parameters.allowed_batch_sizes or all(
        len(call[0]) in {0, *parameters.allowed_batch_sizes} for call in fake.calls
    )


def _request(number: int, size: int, length: int, bad: bool) -> list[Array]:  # noqa: FBT001  # as it is drawn
    """Numbers that no other request has, and texts whose inner shape is `length`, or none for 0."""
    numbers = np.arange(size, dtype=np.int64) + 100 * number
    if bad:
        numbers[-1:] = -1
    texts = np.empty(size if not length else (size, length), object)
    for row in range(size):
        texts[row] = f"{number}-{row}".encode()
    return [numbers, texts]


def test_requests_that_wait_run_together() -> None:
    """What comes while the only place is taken is one batch afterwards."""
    gate = Gate(_doubled)
    fake = FunctionSession(gate)
    with _clients(fake, ONE_THREAD) as clients:
        asked = [clients.ask(0)]
        gate.entered.acquire()
        asked += [clients.waiting(number, number + 0.5) for number in range(1, 6)]
        assert clients.told.count() == 5
        gate.opened.set()
        answers = [one.result()[0].tolist() for one in asked]
    assert answers == [[0], *([2 * number, 2 * number + 1] for number in range(1, 6))]
    assert [len(call[0]) for call in fake.calls] == [1, 10]
    assert clients.told.batches == [(1, 0), (10, 0)]
    assert len(clients.told.waits) == 6


def test_a_request_alone_is_run_in_its_own_thread() -> None:
    """Where nothing waits and a place is free, no thread hands the request to another."""
    threads: list[int] = []

    def noted(values: Sequence[Array]) -> list[Array]:
        threads.append(threading.get_ident())
        return _doubled(values)

    with _clients(FunctionSession(noted), ONE_THREAD) as clients:
        clients.session.run(("x",), [np.ones(1, np.float32)], ("y",), None)
    assert threads == [threading.get_ident()]


def test_a_timeout_lets_a_batch_grow() -> None:
    """With a time-out the first request waits until its batch is full, and not longer."""
    fake = FunctionSession(_doubled)
    parameters = Parameters(max_batch_size=3, batch_timeout_micros=3_600_000_000, num_batch_threads=2)
    with _clients(fake, parameters) as clients:
        asked = [clients.ask(number) for number in range(3)]
        assert [one.result()[0].tolist() for one in asked] == [[0], [2], [4]]
    assert [len(call[0]) for call in fake.calls] == [3]


def test_a_timeout_ends() -> None:
    """A batch that nobody joins runs when its time is over."""
    with _clients(FunctionSession(_doubled), Parameters(batch_timeout_micros=2000)) as clients:
        assert [clients.ask(number).result()[0].tolist() for number in (1, 2)] == [[2], [4]]


def test_the_clock_of_one_queue_runs_while_another_is_served() -> None:
    """A thread that is busy with one queue's batch does not keep another queue's from becoming due."""
    gate = Gate(_doubled)
    parameters = Parameters(max_batch_size=2, batch_timeout_micros=20_000, num_batch_threads=2)
    fake = FunctionSession(lambda values: gate(values) if values[0][0] > 0 else _doubled(values))
    with _clients(fake, parameters) as clients:
        run = clients.session.run
        slow = clients.pool.submit(run, ("x",), [np.ones(1, np.float32)], ("y",), None)
        _until(lambda: clients.session.depth() > 0)
        quick = clients.pool.submit(run, ("x",), [np.zeros(1, np.float32)], ("z",), None)
        filling = clients.pool.submit(run, ("x",), [np.ones(1, np.float32)], ("y",), None)
        assert quick.result()[0].tolist() == [0]
        gate.opened.set()
        assert [one.result()[0].tolist() for one in (slow, filling)] == [[2], [2]]


def test_a_batch_that_fails_costs_only_who_is_to_blame() -> None:
    """In a batch with bad requests those fail with the model's error, and the others have their answers."""
    gate = Gate(_picky)
    fake = FunctionSession(gate)
    with _clients(fake, ONE_THREAD) as clients:
        first = clients.ask(0)
        gate.entered.acquire()
        asked = [clients.waiting(BAD if number in {3, 4} else number) for number in range(16)]
        gate.opened.set()
        assert first.result()[0].tolist() == [0]
        for number, one in enumerate(asked):
            if number in {3, 4}:
                assert _failure(one) == (StatusCode.INVALID_ARGUMENT, "a bad row")
            else:
                assert one.result()[0].tolist() == [2 * number]
    assert [len(call[0]) for call in fake.calls[:3]] == [1, 16, 8]
    assert len(fake.calls) < 1 + 16


def test_what_a_session_raises_besides_is_an_internal_error() -> None:
    """An error that nobody foresaw fails its request, by a message that names it, and the pool goes on."""

    def broken(values: Sequence[Array]) -> list[Array]:
        if values[0][0] == 0:
            raise RuntimeError("out of order")
        return _doubled(values)

    with _clients(FunctionSession(broken), replace(ONE_THREAD, batch_timeout_micros=1)) as clients:
        assert _failure(clients.ask(0)) == (StatusCode.INTERNAL, "RuntimeError: out of order")
        assert clients.ask(1).result()[0].tolist() == [2]


def test_a_full_queue_is_unavailable() -> None:
    """One batch runs, one waits, and with max_enqueued_batches 1 a third request is told so."""
    gate = Gate(_doubled)
    parameters = replace(ONE_THREAD, max_batch_size=1, max_enqueued_batches=1)
    with _clients(FunctionSession(gate), parameters) as clients:
        asked = [clients.ask(1)]
        gate.entered.acquire()
        asked.append(clients.waiting(2))
        assert _failure(clients.ask(3)) == (
            StatusCode.UNAVAILABLE,
            f"{FULL}currently 1 batches enqueued and max_enqueued_batches is 1",
        )
        gate.opened.set()
        assert [one.result()[0].tolist() for one in asked] == [[2], [4]]


def test_a_full_queue_of_parts_is_unavailable() -> None:
    """With splitting the message says how much room there is."""
    gate = Gate(_doubled)
    parameters = Parameters(
        max_batch_size=10,
        max_enqueued_batches=2,
        num_batch_threads=1,
        enable_large_batch_splitting=True,
        max_execution_batch_size=2,
    )
    with _clients(FunctionSession(gate), parameters) as clients:
        asked = [clients.ask(1)]
        gate.entered.acquire()
        asked.append(clients.waiting(1, 2, 3))
        counts = "(num_enqueued_batches=2, max_enqueued_batches=2, open_batch_size=1, max_execution_batch_size=2)"
        assert _failure(clients.ask(1, 2)) == (
            StatusCode.UNAVAILABLE,
            f"{FULL}task size is 2 but scheduling capacity is only 1 {counts}",
        )
        asked.append(clients.waiting(4))
        gate.opened.set()
        assert [one.result()[0].tolist() for one in asked] == [[2], [2, 4, 6], [8]]


def test_a_request_larger_than_a_batch_is_refused() -> None:
    """Without splitting a request must fit in a batch."""
    with _clients(FunctionSession(_doubled), Parameters(max_batch_size=4)) as clients:
        assert _failure(clients.ask(*range(6))) == (
            StatusCode.INVALID_ARGUMENT,
            "Task size 6 is larger than maximum input batch size 4",
        )


def test_a_request_whose_time_is_over_in_the_queue_is_told_at_once() -> None:
    """It fails while the model is still busy; who waits without a deadline, or a later one, has an answer."""
    gate = Gate(_doubled)
    fake = FunctionSession(gate)
    with _clients(fake, ONE_THREAD) as clients:
        first = clients.ask(1)
        gate.entered.acquire()
        hasty = clients.waiting(2, deadline=time.monotonic() + 0.05)
        patient = [clients.waiting(3), clients.waiting(4, deadline=time.monotonic() + LATER)]
        assert _failure(hasty) == (
            StatusCode.RESOURCE_EXHAUSTED,
            "Run() timeout exceeded while waiting in batching queue",
        )
        gate.opened.set()
        assert [one.result()[0].tolist() for one in (first, *patient)] == [[2], [6], [8]]
    assert [call[0].tolist() for call in fake.calls] == [[1], [3, 4]]
    assert fake.deadlines == [None, None]


@settings(max_examples=25, deadline=None)
@given(
    tasks=st.lists(st.tuples(st.integers(1, 9), st.sampled_from([None, 0.005, LATER])), min_size=1, max_size=12),
    splitting=st.booleans(),
)
def test_a_deadline_is_its_own_requests_alone(tasks: list[tuple[int, float | None]], *, splitting: bool) -> None:
    """Of requests in a queue those whose time is over fail by it and never reach the model, the others are answered."""
    gate = Gate(_doubled)
    fake = FunctionSession(gate)
    parameters = replace(
        ONE_THREAD, max_batch_size=9, max_execution_batch_size=4, enable_large_batch_splitting=splitting
    )
    with _clients(fake, replace(parameters, max_enqueued_batches=100)) as clients:
        clients.ask(0)
        gate.entered.acquire()
        asked = []
        for number, (size, seconds) in enumerate(tasks, start=1):
            deadline = None if seconds is None else time.monotonic() + seconds
            asked.append(clients.waiting(*[number] * size, deadline=deadline))
        hasty = [one for one, (_, seconds) in zip(asked, tasks, strict=True) if seconds == 0.005]
        assert [_failure(one)[0] for one in hasty] == [StatusCode.RESOURCE_EXHAUSTED] * len(hasty)
        gate.opened.set()
        answered = {
            number: (size, one.result()[0].tolist())
            for number, (one, (size, seconds)) in enumerate(zip(asked, tasks, strict=True), start=1)
            if seconds != 0.005
        }
    assert all(answer == [2 * number] * size for number, (size, answer) in answered.items())
    assert {row for call in fake.calls for row in call[0].tolist()} == {0, *answered}


def test_a_request_whose_time_is_over_before_it_comes_is_not_run() -> None:
    """It fails as in the queue, also where a place is free."""
    fake = FunctionSession(_doubled)
    with _clients(fake, ONE_THREAD) as clients:
        assert _failure(clients.ask(1, deadline=time.monotonic() - 1))[0] is StatusCode.RESOURCE_EXHAUSTED
    assert not fake.calls


def test_a_request_whose_time_is_over_in_the_model_does_not_wait_for_its_batch() -> None:
    """It fails at its own deadline; the batch has the latest of its requests', and answers the others."""
    gate = Gate(_doubled)
    fake = FunctionSession(gate)
    parameters = replace(ONE_THREAD, max_batch_size=2, batch_timeout_micros=3_600_000_000)
    with _clients(fake, parameters) as clients:
        latest = time.monotonic() + LATER
        patient = clients.waiting(2, deadline=latest)
        hasty = clients.ask(1, deadline=time.monotonic() + 0.2)
        gate.entered.acquire()
        assert _failure(hasty)[0] is StatusCode.DEADLINE_EXCEEDED
        gate.opened.set()
        assert patient.result()[0].tolist() == [4]
    assert fake.deadlines == [latest]


def test_queues_are_served_in_turn() -> None:
    """Two sessions of one scheduler that both have batches waiting alternate."""
    gate = Gate(_doubled)
    order: list[str] = []

    def noted(name: str) -> Callable[[Sequence[Array]], list[Array]]:
        def run(values: Sequence[Array]) -> list[Array]:
            order.append(name)
            return gate(values)

        return run

    scheduler = SharedBatchScheduler(1, "shared")
    parameters = replace(ONE_THREAD, max_batch_size=1)
    sessions = [BatchingSession(FunctionSession(noted(name)), scheduler, parameters) for name in "ab"]
    with ThreadPoolExecutor(8) as pool:
        clients = [Clients(session, Told(), pool) for session in sessions]
        clients[0].ask(0)
        gate.entered.acquire()
        for one in (clients[0], clients[0], clients[0], clients[1], clients[1]):
            one.waiting(0)
        gate.opened.set()
    assert order == ["a", "a", "b", "a", "b", "a"]
    for session in sessions:
        session.close()
    scheduler.close()


def test_as_many_batches_run_at_once_as_there_are_threads() -> None:
    """Two places are both taken, by request threads or the pool's, and never a third."""
    gate = Gate(_doubled)
    fake = FunctionSession(gate)
    with _clients(fake, Parameters(num_batch_threads=2, max_batch_size=1)) as clients:
        asked = [clients.ask(number) for number in range(2)]
        for _ in asked:
            gate.entered.acquire()
        asked += [clients.waiting(number) for number in range(2, 8)]
        gate.opened.set()
        assert [one.result()[0].tolist() for one in asked] == [[2 * number] for number in range(8)]
    assert fake.most == 2


def test_the_parts_of_a_large_request_run_at_once() -> None:
    """A request that is split takes as many places as are free."""
    gate = Gate(_doubled)
    fake = FunctionSession(gate)
    parameters = Parameters(num_batch_threads=3, enable_large_batch_splitting=True, max_execution_batch_size=2)
    with _clients(fake, parameters) as clients:
        asked = clients.ask(*range(5))
        for _ in range(3):
            gate.entered.acquire()
        gate.opened.set()
        assert asked.result()[0].tolist() == [0, 2, 4, 6, 8]
    assert sorted(len(call[0]) for call in fake.calls) == [1, 2, 2]


def test_calls_of_other_tensors_are_other_batches() -> None:
    """Requests are put together only with those of the same feeds and fetches, in whatever order they name them."""
    gate = Gate(lambda values: [values[0] + 10 * values[1], values[0]])
    fake = FunctionSession(gate)
    with _clients(fake, ONE_THREAD) as clients:
        run, one, two = clients.session.run, np.ones(1), np.full(1, 2.0)
        held = clients.pool.submit(run, ("a", "b"), [one, two], ("y",), None)
        gate.entered.acquire()
        asked = [
            clients.pool.submit(run, ("a", "b"), [one, two], ("y", "z"), None),
            clients.pool.submit(run, ("b", "a"), [two, one], ("z", "y"), None),
            clients.pool.submit(run, ("a", "b"), [two, one], ("y",), None),
        ]
        _until(lambda: clients.session.depth() == 3)
        gate.opened.set()
        assert held.result()[0].tolist() == [21]
        answers = [[array.item() for array in one.result()] for one in asked]
    assert answers == [[21, 1], [1, 21], [12]]
    assert sorted(len(call[0]) for call in fake.calls) == [1, 1, 2]


def test_a_session_closes_after_its_last_answer() -> None:
    """close() waits for what runs and what waits, closes what it wraps, and takes no more."""
    gate = Gate(_doubled)
    fake = FunctionSession(gate)
    with _clients(fake, replace(ONE_THREAD, batch_timeout_micros=3_600_000_000, max_batch_size=2)) as clients:
        asked = [clients.ask(1), clients.ask(2)]
        gate.entered.acquire()
        asked.append(clients.waiting(3))
        closing = clients.pool.submit(clients.session.close)
        _until(lambda: _is_closed(clients))
        assert fake.cut_off is None
        gate.opened.set()
        closing.result()
        assert [one.result()[0].tolist() for one in asked] == [[2], [4], [6]]
        assert fake.cut_off == 0


def test_a_session_is_not_closed_under_a_call() -> None:
    """close() waits for a call that runs in its client's own thread."""
    gate = Gate(_doubled)
    fake = FunctionSession(gate)
    with _clients(fake, ONE_THREAD) as clients:
        asked = clients.ask(1)
        gate.entered.acquire()
        closing = clients.pool.submit(clients.session.close)
        _until(lambda: _is_closed(clients))
        gate.opened.set()
        closing.result()
        assert fake.cut_off == 0
        assert asked.result()[0].tolist() == [2]


def _is_closed(clients: Clients) -> bool:
    try:
        clients.session.run(("x",), [np.ones(1, np.float32)], ("y",), time.monotonic() - 1)
    except StatusError as error:
        return error.code is StatusCode.CANCELLED
    return False


def test_a_scheduler_that_closes_runs_what_waits() -> None:
    """close() of the scheduler answers requests that wait for company, and ends its threads."""
    scheduler = SharedBatchScheduler(2, "closing")
    parameters = Parameters(batch_timeout_micros=3_600_000_000)
    session = BatchingSession(FunctionSession(_doubled), scheduler, parameters)
    with ThreadPoolExecutor(1) as pool:
        asked: Future[Any] = Clients(session, Told(), pool).waiting(1)
        scheduler.close()
        assert asked.result()[0].tolist() == [2]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("closing")]
