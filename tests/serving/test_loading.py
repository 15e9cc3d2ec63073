from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictResponse
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

from serving.server.batching.fakes import FunctionSession
from serving.server.batching.parameters import Parameters
from serving.server.batching.scheduler import SharedBatchScheduler
from serving.server.batching.session import BatchingSession
from serving.server.grpc_services import PredictionService
from serving.server.inference import predict
from serving.server.loading import Batching, VersionLoader
from serving.server.metrics import Metrics
from serving.server.request_logs import RequestLogs
from serving.server.rest.fakes import FakeCore
from serving.server.rest.handler import handle
from serving.server.rest.message import Request
from serving.server.rest.options import RestOptions
from serving.server.saved_model import SessionOptions
from serving.server.servable import Servable
from serving.server.warmup import WARMUP_FILE
from tests.conformance import models
from tests.serving.inference.models import FLOAT, signature
from tests.serving.lifecycle.worlds import refusal
from tests.serving.test_prediction_service import Told, examples_request, multi_request, predict_request

OPTIONS = SessionOptions()


@pytest.fixture
def batching() -> Iterator[Batching]:
    """One thread for batches of at most 4 rows."""
    parameters = Parameters(num_batch_threads=1, max_batch_size=4)
    scheduler = SharedBatchScheduler(1, "batches")
    yield Batching(scheduler, parameters)
    scheduler.close()


class FakeLoad:
    """Loads a model of one input without TensorFlow, and keeps its sessions."""

    def __init__(self) -> None:
        self.sessions: list[FunctionSession] = []

    def __call__(self, name: str, version: int, path: Path, options: SessionOptions) -> Servable:
        """See loading.Load."""
        assert options is OPTIONS
        self.sessions.append(FunctionSession(lambda values: [values[0] * 2]))
        return Servable(name, version, path, {"serving_default": signature("x", "y")}, {}, self.sessions[-1])


def warm(version: Path, *numbers: float, alias: str = "x") -> Path:
    """Writes a warm-up file of one Predict for each number."""
    file = version / WARMUP_FILE
    file.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for number in numbers:
            log = PredictionLog()
            log.predict_log.request.CopyFrom(predict_request([number], alias=alias, name="another"))
            writer.write(log.SerializeToString())
    return version


@pytest.mark.parametrize(("iterations", "times"), [(1, 1), (3, 3), (0, 0)])
def test_a_version_is_warm_when_it_is_there(tmp_path: Path, iterations: int, times: int) -> None:
    """Each record is answered by its session so many times, whatever model it was recorded of; with 0 there is none."""
    load, metrics = FakeLoad(), Metrics()
    servable = VersionLoader(OPTIONS, metrics, None, iterations, load)("m", 7, warm(tmp_path, 1, 2))
    assert (servable.name, servable.version, servable.session) == ("m", 7, load.sessions[0])
    fed = [values[0].tolist() for values in load.sessions[0].calls]
    assert fed == [[number] for number in (1, 2) for _ in range(times)]
    counted = f'model_warmup_records_read{{model_path="{tmp_path}",status="OK"}} 2'
    assert (counted in metrics.page().decode()) is bool(times)
    assert load.sessions[0].cut_off is None


def test_a_warm_up_that_fails(tmp_path: Path) -> None:
    """It fails the load with its own code, and the session is closed: the next try begins anew."""
    load, metrics = FakeLoad(), Metrics()
    loader = VersionLoader(OPTIONS, metrics, None, 1, load)
    code, message = refusal(lambda: loader("m", 7, warm(tmp_path, 1, alias="k")))
    assert code == "INVALID_ARGUMENT"
    assert message.startswith("Signature input alias: x(feed name: x:0) not found in request")
    assert [session.cut_off for session in load.sessions] == [0]
    assert f'load_attempt_count{{model_path="{tmp_path}",status="fail"}} 1' in metrics.page().decode()


def test_a_warm_up_that_fails_in_a_batch(tmp_path: Path, batching: Batching) -> None:
    """So it is behind a batching session."""
    load = FakeLoad()
    loader = VersionLoader(OPTIONS, Metrics(), batching, 1, load)
    path = warm(tmp_path, 1, alias="k")
    assert refusal(lambda: loader("m", 7, path))[0] == "INVALID_ARGUMENT"
    assert [session.cut_off for session in load.sessions] == [0]


def test_requests_are_batched(tmp_path: Path, batching: Batching) -> None:
    """With batching, calls go through a batching session with its limits, the warm-up's too; metrics tell of them."""
    metrics = Metrics()
    servable = VersionLoader(OPTIONS, metrics, batching, 1, FakeLoad())("m", 7, warm(tmp_path, 1))
    assert isinstance(servable.session, BatchingSession)
    form = servable.signatures["serving_default"]
    assert predict.run(servable, form, {"x": np.array([1, 2], np.float32)})["y"].tolist() == [2, 4]
    too_many = np.zeros(5, np.float32)
    assert refusal(lambda: predict.run(servable, form, {"x": too_many}))[0] == "INVALID_ARGUMENT"
    page = metrics.page().decode()
    assert 'wrapped_run_count{thread_pool_name="model_server_batch_threads"} 2' in page
    assert 'queue_depth{model_name="m",version="7"} 0' in page
    servable.close()


def test_a_model_that_does_not_load(tmp_path: Path) -> None:
    """TensorFlow's error is told, and counted."""
    metrics = Metrics()
    models.broken(tmp_path / "7")
    assert refusal(lambda: VersionLoader(OPTIONS, metrics)("m", 7, tmp_path / "7"))[0] == "NOT_FOUND"
    assert 'status="fail"} 1' in metrics.page().decode()


def test_a_real_model(tmp_path: Path) -> None:
    """One with a warm-up file of TensorFlow Serving's form loads, and answers."""
    metrics = Metrics()
    models.warm_half_plus_two(tmp_path / "7", "m", records=3)
    servable = VersionLoader(OPTIONS, metrics)("m", 7, tmp_path / "7")
    answer = predict.run(servable, servable.signatures["serving_default"], {"x": np.array([2], np.float32)})
    assert answer["y"].tolist() == [3]
    page = metrics.page().decode()
    assert f'model_warmup_records_read{{model_path="{tmp_path / "7"}",status="OK"}} 3' in page
    assert f'load_attempt_count{{model_path="{tmp_path / "7"}",status="success"}} 1' in page
    servable.close()


def ask_rest(core: FakeCore, logs: RequestLogs, verb: str, body: object) -> int:
    """Asks a model over REST, and returns the status of its answer."""
    request = Request("POST", f"/v1/models/m:{verb}", {}, json.dumps(body).encode())
    return handle(core, request, RestOptions(), None, logs).status


def test_a_log_of_rest_and_grpc_warms_the_next_version_up(tmp_path: Path) -> None:
    """The requests that a model has answered, over REST and gRPC, are a warm-up file that its next version takes."""
    one, other = tmp_path / "7", tmp_path / "8"
    models.half_plus_two(one)
    models.half_plus_two(other)
    servable = VersionLoader(OPTIONS, Metrics())("m", 7, one)
    core = FakeCore({("m", 7): servable})
    logs = RequestLogs(tmp_path / "logs", 1.0, lambda *_: None)
    example = {"x": 4.0}
    regression = {"signature_name": "regress_x_to_y", "context": {"x2": 1.0}, "examples": [example]}
    assert ask_rest(core, logs, "predict", {"instances": [[1.0], [2.0]]}) == 200
    assert ask_rest(core, logs, "predict", {"inputs": {"x": 3.0}}) == 200
    assert ask_rest(core, logs, "classify", {"signature_name": "classify_x_to_y", "examples": [example] * 2}) == 200
    assert ask_rest(core, logs, "regress", regression) == 200
    assert ask_rest(core, logs, "predict", {"instances": ["wrong"]}) == 400
    service = PredictionService(core, Told(), logs)
    service.predict(predict_request([5.0]).SerializeToString(), None)
    service.regress(examples_request(RegressionRequest, "regress_x_to_y2").SerializeToString(), None)
    service.multi_inference(multi_request(("tensorflow/serving/regress", "regress_x_to_y")).SerializeToString(), None)
    logs.close()
    (file,) = (tmp_path / "logs").glob("m-*.tfrecord")
    records = [PredictionLog.FromString(each.numpy()) for each in tf.data.TFRecordDataset(str(file))]
    kinds = ["predict", "predict", "classify", "regress", "predict", "regress", "multi_inference"]
    assert [record.WhichOneof("log_type") for record in records] == [f"{kind}_log" for kind in kinds]
    check_rest(records)
    (other / WARMUP_FILE).parent.mkdir()
    shutil.copy(file, other / WARMUP_FILE)
    metrics = Metrics()
    VersionLoader(OPTIONS, metrics)("m", 8, other).close()
    assert f'model_warmup_records_read{{model_path="{other}",status="OK"}} 7' in metrics.page().decode()
    servable.close()


def check_rest(records: list[PredictionLog]) -> None:
    """Checks that the first four, which came over REST, are what gRPC's would be."""
    rows, scalar = (record.predict_log for record in records[:2])
    assert (rows.request.model_spec.name, rows.request.model_spec.signature_name) == ("m", "serving_default")
    assert rows.request.inputs["x"].dtype == FLOAT
    assert tf.make_ndarray(rows.request.inputs["x"]).tolist() == [[1], [2]]
    assert tf.make_ndarray(rows.response.outputs["y"]).tolist() == [[2.5], [3]]
    assert rows.response.model_spec.version.value == records[0].log_metadata.model_spec.version.value == 7
    assert tf.make_ndarray(scalar.request.inputs["x"]).shape == ()
    classified, regressed = records[2].classify_log, records[3].regress_log
    assert [row.classes[0].score for row in classified.response.result.classifications] == [4, 4]
    assert len(classified.request.input.example_list.examples) == 2
    assert [each.value for each in regressed.response.result.regressions] == [4]
    features = regressed.request.input.example_list.examples[0].features.feature
    assert {name: list(each.float_list.value) for name, each in features.items()} == {"x": [4], "x2": [1]}


class Unwanted:
    """A message that must not be made."""

    def SerializeToString(self) -> bytes:
        """Fails."""
        raise AssertionError


def test_what_is_not_sampled_is_not_serialised(tmp_path: Path) -> None:
    """Without a folder, and at a rate of nothing, no message is made."""
    told: list[object] = []
    for folder in (None, tmp_path):
        logs = RequestLogs(folder, 0.0, lambda *about: told.append(about))
        logs("Predict", "m", Unwanted(), Unwanted())
        logs.close()
    assert not told
    assert not list(tmp_path.iterdir())


def test_each_model_has_its_own_files(tmp_path: Path) -> None:
    """Models whose names end alike, or that are folders' names, write into files of their own in the one folder."""
    request = predict_request()
    told: list[tuple[str, str]] = []
    logs = RequestLogs(tmp_path, 1.0, lambda name, code: told.append((name, code.name)))
    names = ["a/b", "c/b", "..", "b"]
    for name in names:
        logs("Predict", name, request, PredictResponse())
    logs.close()
    assert sorted(file.name.rsplit("-", 3)[0] for file in tmp_path.iterdir()) == ["..", "a%2Fb", "b", "c%2Fb"]
    assert sorted(told) == sorted((name, "OK") for name in names)
