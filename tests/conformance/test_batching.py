"""--enable_batching: requests that share a run of the graph, and queues that are full."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from tests.conformance.configs import config_text
from tests.conformance.conftest import Launcher
from tests.conformance.grpc_api import Grpc, failure, predict_request, spec
from tests.conformance.processes import Server
from tests.conformance.rest import Answer, Rest
from tests.conformance.shelf import Shelf

PARAMETERS = """
max_batch_size { value: 4 }
batch_timeout_micros { value: 20000 }
max_enqueued_batches { value: 1 }
num_batch_threads { value: 1 }
allowed_batch_sizes: [2, 4]
"""
ROOMY = """
max_batch_size { value: 8 }
batch_timeout_micros { value: 5000 }
max_enqueued_batches { value: 1000 }
num_batch_threads { value: 2 }
pad_variable_length_inputs: true
"""
FULL = "The batch scheduling queue to which this task was submitted is full"


def flags(shelf: Shelf, folder: Path, parameters: str) -> list[str]:
    """The flags of a server that batches, with the shelf's models."""
    (folder / "batching.pbtxt").write_text(parameters)
    (folder / "models.pbtxt").write_text(config_text(shelf.configs(labelled=False)))
    return [
        f"--model_config_file={folder / 'models.pbtxt'}",
        "--enable_batching",
        f"--batching_parameters_file={folder / 'batching.pbtxt'}",
    ]


@pytest.fixture(scope="module")
def narrow(shelf: Shelf, launch: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one batch thread and room for one batch more; REST requests have a second."""
    words = flags(shelf, tmp_path_factory.mktemp("narrow"), PARAMETERS)
    with launch(*words, "--rest_api_timeout_in_ms=1000") as started:
        yield started.wait_until_open()


@pytest.fixture(scope="module")
def roomy(shelf: Shelf, launch: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with room for many batches."""
    folder = tmp_path_factory.mktemp("roomy")
    (folder / "monitoring.pbtxt").write_text("prometheus_config { enable: true }")
    words = flags(shelf, folder, ROOMY)
    with launch(*words, f"--monitoring_config_file={folder / 'monitoring.pbtxt'}") as started:
        yield started.wait_until_open()


def test_answers_are_the_same(roomy: Server) -> None:
    """Requests for two models at once get their own model's answers, whatever shares a batch with them."""
    api = Grpc(roomy.grpc)

    def ask(number: int) -> float:
        return api.y("versions" if number % 2 else "half_plus_two", number)

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(512)))
    assert answers == [0.5 * number + 2.0 + number % 2 for number in range(512)]


def test_batches_of_many_sizes(roomy: Server) -> None:
    """Each request gets as many rows as it sent."""
    api = Grpc(roomy.grpc)

    def ask(rows: int) -> list[float]:
        x = np.arange(rows, dtype=np.float32)
        answer = api.predict(predict_request(spec("half_plus_two"), {"x": x}), timeout=60)
        return [float(y) for y in answer.outputs["y"].float_val]

    sizes = [1 + number % 5 for number in range(128)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, sizes))
    assert answers == [[0.5 * row + 2.0 for row in range(rows)] for rows in sizes]


def test_one_bad_request_does_not_spoil_the_good(roomy: Server) -> None:
    """Good requests that come with bad ones are answered, if alone then by a second try."""
    api = Grpc(roomy.grpc)
    wrong = predict_request(spec("half_plus_two"), {"x": np.array([True])})

    def ask(number: int) -> object:
        return failure(api.predict, wrong)[0] if number % 4 == 0 else api.y("half_plus_two", number)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert answers == [StatusCode.INVALID_ARGUMENT if number % 4 == 0 else 0.5 * number + 2.0 for number in range(64)]


def test_metrics(roomy: Server) -> None:
    """Batches are counted under TensorFlow Serving's names."""
    assert roomy.rest
    Grpc(roomy.grpc).y("half_plus_two")
    page = Rest(roomy.rest).get("/monitoring/prometheus/metrics").body.decode()
    names = ("queuing_latency", "wrapped_run_count", "padding_size", "input_batch_size", "processed_batch_size")
    missing = [name for name in names if f"# TYPE :tensorflow:serving:batching_session:{name} " not in page]
    assert not missing


def test_padding(narrow: Server) -> None:
    """Batches are padded to an allowed size, of which no answer shows anything."""
    api = Grpc(narrow.grpc)
    for rows in (1, 2, 3, 4):
        answer = api.predict(predict_request(spec("half_plus_two"), {"x": np.ones((rows, 1), np.float32)}))
        np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["y"]), np.full((rows, 1), 2.5))


def test_rest_and_classify(narrow: Server) -> None:
    """REST and classifications are batched like the rest."""
    assert narrow.rest
    rest = Rest(narrow.rest)
    assert rest.post("half_plus_two:predict", {"instances": [1.0, 2.0, 3.0]}).json == {"predictions": [2.5, 3.0, 3.5]}
    body = {"examples": [{"x": 0.25}] * 3}
    assert rest.post("classes:classify", body).json == {"results": [[["yes", 0.25], ["no", 0.75]]] * 3}


def test_too_large(narrow: Server) -> None:
    """A request of more rows than a batch may have is a wrong argument."""
    request = predict_request(spec("half_plus_two"), {"x": np.ones(6, np.float32)})
    message = "Task size 6 is larger than maximum input batch size 4"
    assert failure(Grpc(narrow.grpc).predict, request) == (StatusCode.INVALID_ARGUMENT, message)


def test_inputs_of_uneven_length(narrow: Server) -> None:
    """The inputs of a batched request have equally many rows."""
    request = predict_request(spec("two_by_two"), {"a": [1.0, 2.0], "b": [1.0]})
    code, message = failure(Grpc(narrow.grpc).predict, request)
    assert code == StatusCode.INVALID_ARGUMENT
    assert message.startswith("Batching Run() input tensors must have equal 0th-dimension size")


def test_output_without_rows(narrow: Server) -> None:
    """An output that has no rows cannot be shared out."""
    code, message = failure(
        Grpc(narrow.grpc).predict, predict_request(spec("shapes", signature="total"), {"x": [1.0, 2.0]})
    )
    assert code == StatusCode.FAILED_PRECONDITION
    assert message.startswith("Batched output tensor has 0 dimensions")


def occupied(server: Server, seconds: float, requests: int) -> list[grpc.Future]:
    """Starts slow requests of a whole batch each."""
    api = Grpc(server.grpc)
    request = predict_request(spec("slow"), {"x": [2.0] * 4, "seconds": [seconds] * 4})
    return [api.predict.future(request, timeout=60) for _ in range(requests)]


def test_queue_full(narrow: Server) -> None:
    """What finds its queue full is UNAVAILABLE; the others are answered."""
    answers = [future.exception() or future.result() for future in occupied(narrow, 1.0, 6)]
    refused = [answer for answer in answers if isinstance(answer, grpc.RpcError)]
    assert 1 <= len(refused) <= 5
    for answer in refused:
        assert answer.code() == StatusCode.UNAVAILABLE
        assert answer.details().startswith(FULL)
    for answer in answers:
        assert answer in refused or list(answer.outputs["y"].float_val) == [3.0] * 4


def test_queue_full_over_rest(narrow: Server) -> None:
    """Over REST that is 503."""
    assert narrow.rest
    rest = Rest(narrow.rest)
    slow = {"inputs": {"x": [2.0] * 4, "seconds": [0.6] * 4}}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: rest.post("slow:predict", slow), range(6)))
    refused = [answer for answer in answers if answer.status == 503]
    assert refused
    assert all(answer.error.startswith(FULL) for answer in refused)
    assert {answer.status for answer in answers} <= {200, 429, 503, 504}


def test_too_long_in_the_queue(narrow: Server) -> None:
    """Over REST a request that waits in its queue until its time is over gets 429."""
    assert narrow.rest
    rest = Rest(narrow.rest)
    slow = occupied(narrow, 2.5, 1)
    answer = queued(rest)
    assert (answer.status, answer.error) == (429, "Run() timeout exceeded while waiting in batching queue")
    assert list(slow[0].result().outputs["y"].float_val) == [3.0] * 4


def queued(rest: Rest) -> Answer:
    """The answer to a request that is sent once the only batch thread is busy."""
    time.sleep(0.3)
    return rest.post("slow:predict", {"inputs": {"x": [2.0], "seconds": [0.0]}})


def test_too_long_in_the_session(narrow: Server) -> None:
    """Over REST a request that runs for longer than it may gets 504."""
    assert narrow.rest
    answer = Rest(narrow.rest).post("slow:predict", {"inputs": {"x": [2.0], "seconds": [2.0]}})
    assert (answer.status, bool(answer.error)) == (504, True)
