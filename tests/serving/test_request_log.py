from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from grpc import StatusCode
from tensorflow.data import TFRecordDataset
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest, ClassificationResponse
from tensorflow_serving.apis.inference_pb2 import MultiInferenceRequest, MultiInferenceResponse
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
from tensorflow_serving.config.logging_config_pb2 import LoggingConfig

from schema.errors import UsageError
from serving.server.request_log import RequestLog, RequestLogOptions, options_of

KILLED = """
import sys, time
from pathlib import Path
from serving.server.request_log import RequestLog, RequestLogOptions
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
told = lambda code: print(code.name, flush=True)
log = RequestLog(RequestLogOptions(Path(sys.argv[1]), max_records=2), told)
for number in range(3):
    log.add("predict", PredictRequest(), PredictResponse())
time.sleep(600)
"""


def _request(number: int) -> PredictRequest:
    request = PredictRequest()
    request.model_spec.name = "taxi"
    request.model_spec.signature_name = f"s{number}"
    return request


def _response(version: int = 7) -> PredictResponse:
    response = PredictResponse()
    response.model_spec.name = "taxi"
    response.model_spec.version.value = version
    return response


def _records(folder: Path) -> list[list[Any]]:
    """The records of each file, in the order of the files' numbers."""
    files = sorted(folder.glob("*.tfrecord"), key=lambda file: file.name.rsplit("-", 1)[1])
    return [[PredictionLog.FromString(record.numpy()) for record in TFRecordDataset(str(file))] for file in files]


def _names(folder: Path) -> list[list[str]]:
    return [[record.predict_log.request.model_spec.signature_name for record in file] for file in _records(folder)]


class _Slow:
    """A message that is written only when it is allowed to."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.allowed = threading.Event()

    def SerializeToString(self) -> bytes:
        self.begun.set()
        self.allowed.wait()
        return b""


class _Broken:
    """A message that there is none of."""

    def SerializeToString(self) -> bytes:
        raise ValueError("no message")


def _log(folder: Path, told: list[StatusCode] | None = None, **options: Any) -> RequestLog:
    return RequestLog(RequestLogOptions(folder / "requests", **options), (told if told is not None else []).append)


def test_a_logged_request_is_read_back(tmp_path: Path) -> None:
    """A file holds what was asked and answered, the version that did, when, and at what rate it was sampled."""
    told: list[StatusCode] = []
    log = _log(tmp_path, told)
    log.add("predict", _request(1), _response())
    log.close()
    [[record]] = _records(tmp_path)
    assert record.predict_log.request == _request(1)
    assert record.predict_log.response == _response()
    assert record.log_metadata.model_spec == _response().model_spec
    assert record.log_metadata.sampling_config.sampling_rate == 1
    assert record.log_metadata.timestamp_secs > 0
    assert told == [StatusCode.OK]


def test_every_kind_of_request_has_its_record(tmp_path: Path) -> None:
    """Classify and MultiInference are logged as what they are."""
    log = _log(tmp_path)
    log.add("classify", ClassificationRequest(), ClassificationResponse())
    answer = MultiInferenceResponse()
    answer.results.add().model_spec.name = "taxi"
    log.add("multi_inference", MultiInferenceRequest(), answer)
    log.close()
    [[first, second]] = _records(tmp_path)
    assert first.WhichOneof("log_type") == "classify_log"
    assert second.WhichOneof("log_type") == "multi_inference_log"
    assert second.log_metadata.model_spec.name == "taxi"


def test_a_full_file_is_followed_by_another(tmp_path: Path) -> None:
    """A file takes max_records, in the order of their coming, and the last one what is left."""
    log = _log(tmp_path, max_records=2)
    for number in range(5):
        log.add("predict", _request(number), _response())
    log.close()
    assert _names(tmp_path) == [["s0", "s1"], ["s2", "s3"], ["s4"]]


def test_a_large_file_is_followed_by_another(tmp_path: Path) -> None:
    """A file ends with the record that reaches max_bytes."""
    log = _log(tmp_path, max_bytes=1)
    for number in range(3):
        log.add("predict", _request(number), _response())
    log.close()
    assert _names(tmp_path) == [["s0"], ["s1"], ["s2"]]


def test_an_old_file_is_closed_without_another_request(tmp_path: Path) -> None:
    """A file gets its name after max_seconds, though nothing more comes."""
    log = _log(tmp_path, max_seconds=0.05)
    log.add("predict", _request(0), _response())
    until = threading.Event()
    while not list(tmp_path.glob("*.tfrecord")):
        until.wait(0.01)
    assert _names(tmp_path) == [["s0"]]
    log.close()
    assert _names(tmp_path) == [["s0"]]


def test_an_old_file_is_closed_under_traffic_too(tmp_path: Path) -> None:
    """Requests that come without a pause do not keep a file open."""
    log = _log(tmp_path, max_seconds=1e-9)
    for number in range(3):
        log.add("predict", _request(number), _response())
    log.close()
    assert list(chain(*_names(tmp_path))) == ["s0", "s1", "s2"]
    assert len(_names(tmp_path)) > 1


def test_what_the_disk_cannot_keep_up_with_is_dropped_and_counted(tmp_path: Path) -> None:
    """While a record is being written, as many as may wait do, and the rest is told of as dropped."""
    told: list[StatusCode] = []
    log = _log(tmp_path, told, max_waiting=2)
    slow = _Slow()
    log.add("predict", slow, _response())
    slow.begun.wait()
    for number in range(5):
        log.add("predict", _request(number), _response())
    assert told == [StatusCode.RESOURCE_EXHAUSTED] * 3
    slow.allowed.set()
    log.close()
    assert _names(tmp_path) == [["", "s0", "s1"]]
    assert told[3:] == [StatusCode.OK] * 3


def test_a_sample_is_logged(tmp_path: Path) -> None:
    """Requests whose chance is under the rate are logged, and no other."""
    chances: Iterator[float] = cycle([0.24, 0.25, 0.9])
    options = RequestLogOptions(tmp_path / "requests", sampling_rate=0.25)
    log = RequestLog(options, chance=lambda: next(chances))
    for number in range(6):
        log.add("predict", _request(number), _response())
    log.close()
    assert _names(tmp_path) == [["s0", "s3"]]


def test_a_rate_of_nothing_logs_nothing(tmp_path: Path) -> None:
    """With sampling_rate 0 there is no file, whatever chance says."""
    log = RequestLog(RequestLogOptions(tmp_path / "requests", sampling_rate=0), chance=lambda: 0.0)
    log.add("predict", _request(0), _response())
    log.close()
    assert not list(tmp_path.iterdir())


def test_a_message_that_cannot_be_written_costs_only_itself(tmp_path: Path) -> None:
    """A record that fails is told of, and those before and after it are in one file."""
    told: list[StatusCode] = []
    log = _log(tmp_path, told)
    log.add("predict", _request(0), _response())
    log.add("predict", _Broken(), _response())
    log.add("predict", _request(2), _response())
    log.close()
    assert told == [StatusCode.OK, StatusCode.INTERNAL, StatusCode.OK]
    assert _names(tmp_path) == [["s0", "s2"]]


def test_a_folder_that_vanishes_stops_no_request(tmp_path: Path) -> None:
    """Where a file cannot be made, each request is told of as not logged, and the log goes on when it can."""
    told: list[StatusCode] = []
    ready = threading.Semaphore(0)

    def tell(code: StatusCode) -> None:
        told.append(code)
        ready.release()

    folder = tmp_path / "logs"
    log = RequestLog(RequestLogOptions(folder / "requests"), tell)
    folder.rmdir()
    log.add("predict", _request(0), _response())
    ready.acquire()
    folder.mkdir()
    log.add("predict", _request(1), _response())
    log.close()
    assert told == [StatusCode.INTERNAL, StatusCode.OK]
    assert _names(folder) == [["s1"]]


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    """After close(), which may be called twice, requests are not logged."""
    log = _log(tmp_path)
    log.close()
    log.close()
    log.add("predict", _request(0), _response())
    assert not list(tmp_path.iterdir())


def test_two_servers_write_into_one_folder(tmp_path: Path) -> None:
    """Two logs with one prefix do not write into each other's files."""
    logs = [_log(tmp_path), _log(tmp_path)]
    for number, log in enumerate(logs):
        log.add("predict", _request(number), _response())
    for log in logs:
        log.close()
    assert sorted(chain(*_names(tmp_path))) == ["s0", "s1"]


def test_a_killed_server_leaves_no_half_file_under_a_name(tmp_path: Path) -> None:
    """After SIGKILL the files with names are whole, and what was being written has none."""
    script = [sys.executable, "-c", KILLED, str(tmp_path / "requests")]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as server:
        assert server.stdout
        assert [server.stdout.readline() for _ in range(3)] == ["OK\n"] * 3
        os.kill(server.pid, signal.SIGKILL)
    assert [len(file) for file in _records(tmp_path)] == [2]
    assert len(list(tmp_path.glob(".*.partial"))) == 1


def test_a_logging_config_is_read(tmp_path: Path) -> None:
    """Prefix and rate come from the model's logging_config."""
    text = f'log_collector_config {{ filename_prefix: "{tmp_path}/r" }} sampling_config {{ sampling_rate: 0.5 }}'
    options = options_of(text_format.Parse(text, LoggingConfig()))
    assert options == RequestLogOptions(tmp_path / "r", sampling_rate=0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('log_collector_config { type: "kafka" filename_prefix: "/x" }', "type 'kafka'; legal here: 'tfrecord'"),
        ("sampling_config { sampling_rate: 0.5 }", "has no filename_prefix"),
        (
            'log_collector_config { filename_prefix: "/x" } sampling_config { sampling_rate: 1.5 }',
            "sampling_rate is 1.5; legal is 0",
        ),
    ],
)
def test_a_logging_config_that_asks_for_what_there_is_not_is_refused(text: str, message: str) -> None:
    """The error names the field, what it holds and what it may hold."""
    with pytest.raises(UsageError, match=message):
        options_of(text_format.Parse(text, LoggingConfig()))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A log below a file does not start."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be made"):
        _log(tmp_path / "file")


def test_a_number_that_makes_no_file_is_refused(tmp_path: Path) -> None:
    """A file of no records is an error that names the option."""
    with pytest.raises(UsageError, match="max_records is 0"):
        RequestLogOptions(tmp_path / "r", max_records=0)
