from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from components.raw_examples import requests_for
from components.signature_calls import Arrays, call, load
from components.warmup import WARMUP_FILE, write_warmup
from tests.components.conftest import Exporter
from tests.components.graphs import Graph


@pytest.fixture
def requests(exporter: Exporter, graph: Graph) -> Arrays:
    """Five real rows for each signature of a model."""
    return requests_for(load(str(exporter("binary"))), graph.examples[:5])


def read_requests(version: Path) -> list[prediction_log_pb2.PredictionLog]:
    """Returns the warm-up requests as TensorFlow Serving reads them."""
    records = tf.data.TFRecordDataset(str(version / "assets.extra" / "tf_serving_warmup_requests")).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(record) for record in records]


def test_each_signature_is_warmed_up_by_its_name(requests: Arrays, tmp_path: Path) -> None:
    """The file lies where TensorFlow Serving looks for it and has one request for each signature of the model."""
    write_warmup(tmp_path, "taxi", requests)
    specs = [log.predict_log.request.model_spec for log in read_requests(tmp_path)]
    assert [spec.name for spec in specs] == ["taxi"] * 3
    assert {spec.signature_name for spec in specs} == {"serving_default", "predict_columns", "transform_features"}


def test_the_requests_carry_the_rows(requests: Arrays, tmp_path: Path) -> None:
    """Each request holds the arrays it was made of, missing values and text included."""
    write_warmup(tmp_path, "taxi", requests)
    for log in read_requests(tmp_path):
        request = log.predict_log.request
        sent = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        assert sent.keys() == requests[request.model_spec.signature_name].keys()
        for name, array in requests[request.model_spec.signature_name].items():
            np.testing.assert_array_equal(sent[name], array)


def test_the_model_answers_the_requests(requests: Arrays, exporter: Exporter, tmp_path: Path) -> None:
    """A version with its warm-up file still loads, and answers what the file asks."""
    version = shutil.copytree(exporter("binary"), tmp_path / "1")
    write_warmup(version, "taxi", requests)
    asked = {
        log.predict_log.request.model_spec.signature_name: {
            name: tf.make_ndarray(tensor) for name, tensor in log.predict_log.request.inputs.items()
        }
        for log in read_requests(version)
    }
    assert call(load(str(version)), asked)["serving_default"]["probability"].shape == (5,)


def test_the_file_lies_beside_what_is_already_there(requests: Arrays, tmp_path: Path) -> None:
    """Other extra assets stay, and an older warm-up file is replaced."""
    (tmp_path / WARMUP_FILE).parent.mkdir()
    (tmp_path / WARMUP_FILE).write_bytes(b"old")
    (tmp_path / WARMUP_FILE).with_name("penstock.json").write_text("{}")
    write_warmup(tmp_path, "taxi", requests)
    assert len(read_requests(tmp_path)) == 3
    assert (tmp_path / WARMUP_FILE).with_name("penstock.json").read_text() == "{}"
