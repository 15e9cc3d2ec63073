"""Warm-up requests, which TensorFlow Serving replays when it loads a version.

Format: a TFRecord of PredictionLog in assets.extra/tf_serving_warmup_requests, at most 1,000 records
(tensorflow.org/tfx/serving/saved_model_warmup).
"""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components.signature_calls import Arrays

WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"


def write_warmup(version: Path, model_name: str, requests: Arrays) -> None:
    """Writes one request for each signature into a version's folder."""
    (version / WARMUP_FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(version / WARMUP_FILE)) as writer:
        for signature, inputs in requests.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            for name, array in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())
