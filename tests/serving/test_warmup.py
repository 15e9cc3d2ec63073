from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from serving.server.lifecycle.fakes import FakeLoad
from serving.server.servable import Servable
from serving.server.status import StatusError, invalid_argument
from serving.server.warmup import WARMUP_FILE, replay
from tests.serving.lifecycle.worlds import refusal


@pytest.fixture
def servable(tmp_path: Path) -> Servable:
    """A version that is loaded."""
    return FakeLoad()("m", 1, tmp_path)


def request(number: int) -> PredictionLog:
    """Returns a request to predict, told by its version."""
    log = PredictionLog()
    log.predict_log.request.model_spec.version.value = number
    return log


def write(version: Path, records: Sequence[bytes]) -> None:
    """Writes a version's warm-up file."""
    (version / WARMUP_FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(version / WARMUP_FILE)) as writer:
        for record in records:
            writer.write(record)


@pytest.mark.parametrize(("iterations", "times"), [(0, 1), (1, 1), (3, 3)])
def test_each_request_is_run_so_many_times(servable: Servable, iterations: int, times: int) -> None:
    """In the order of the file; no number of iterations stands for one."""
    write(servable.path, [request(number).SerializeToString() for number in range(3)])
    ran: list[int] = []
    count = replay(
        servable, servable.path, lambda log: ran.append(log.predict_log.request.model_spec.version.value), iterations
    )
    assert count == 3
    assert ran == [number for number in range(3) for _ in range(times)]


def test_no_file_is_no_error(servable: Servable) -> None:
    """Nor is one without records."""
    assert replay(servable, servable.path, pytest.fail) == 0
    write(servable.path, [])
    assert replay(servable, servable.path, pytest.fail) == 0


@pytest.mark.parametrize("kind", ["predict_log", "classify_log", "regress_log", "multi_inference_log"])
def test_these_kinds_are_run(servable: Servable, kind: str) -> None:
    """They are handed on as they are."""
    log = PredictionLog()
    getattr(log, kind).SetInParent()
    write(servable.path, [log.SerializeToString()])
    ran: list[Any] = []
    replay(servable, servable.path, ran.append)
    assert ran == [log]


@pytest.mark.parametrize(("kind", "number"), [("session_run_log", 5), ("predict_streamed_log", 7), (None, 0)])
def test_other_kinds_are_not_implemented(servable: Servable, kind: str | None, number: int) -> None:
    """They fail the load, as upstream."""
    log = PredictionLog()
    if kind:
        getattr(log, kind).SetInParent()
    write(servable.path, [log.SerializeToString()])
    assert refusal(lambda: replay(servable, servable.path, pytest.fail)) == (
        "UNIMPLEMENTED",
        f"Unsupported log_type for warmup: {number}",
    )


def test_a_thousand_records_are_enough(servable: Servable) -> None:
    """The next one fails the load."""
    ran: list[Any] = []
    write(servable.path, [request(1).SerializeToString()] * 1000)
    assert replay(servable, servable.path, ran.append) == 1000
    write(servable.path, [request(1).SerializeToString()] * 1001)
    assert refusal(lambda: replay(servable, servable.path, ran.append)) == (
        "INVALID_ARGUMENT",
        f"Number of warmup records exceeds the maximum (1000) at {servable.path / WARMUP_FILE}",
    )


def test_a_request_that_fails_fails_the_load(servable: Servable) -> None:
    """With its own code and message, and the rest is not run."""
    write(servable.path, [request(1).SerializeToString()] * 2)
    ran: list[Any] = []

    def run(log: Any) -> None:
        ran.append(log)
        raise invalid_argument("no such input")

    assert refusal(lambda: replay(servable, servable.path, run)) == ("INVALID_ARGUMENT", "no such input")
    assert len(ran) == 1


def test_a_file_that_is_no_tfrecord_is_refused(servable: Servable) -> None:
    """With the advice that TensorFlow Serving gives."""
    write(servable.path, [])
    (servable.path / WARMUP_FILE).write_text('{"instances": [1.0, 2.0, 5.0]}')
    code, message = refusal(lambda: replay(servable, servable.path, pytest.fail))
    assert code == "DATA_LOSS"
    assert message.endswith("(Is this even a TFRecord file?). Please verify your warmup data is in TFRecord format.")


@given(st.lists(st.binary(max_size=20), max_size=3))
def test_any_record_is_run_or_refused(tmp_path_factory: pytest.TempPathFactory, records: list[bytes]) -> None:
    """Bytes that are no PredictionLog, or of no kind, get one of two codes."""
    path = tmp_path_factory.mktemp("version")
    write(path, records)
    code: StatusCode | None = None
    ran: list[Any] = []
    try:
        replay(FakeLoad()("m", 1, path), path, ran.append)
    except StatusError as error:
        code = error.code
    assert (code is None) == (len(ran) == len(records))
    assert code in {None, StatusCode.INVALID_ARGUMENT, StatusCode.UNIMPLEMENTED}
