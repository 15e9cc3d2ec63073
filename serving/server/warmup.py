"""Requests that are answered before a version is available, so that no client meets a cold one.

Format: a TFRecord of PredictionLog in assets.extra/tf_serving_warmup_requests, at most 1,000 records
(tensorflow.org/tfx/serving/saved_model_warmup).
Source: servables/tensorflow/saved_model_warmup_util.cc.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from grpc import StatusCode
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from serving.server.servable import Servable
from serving.server.status import StatusError, invalid_argument, unimplemented

log = logging.getLogger(__name__)
WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000
REPLAYED = frozenset({"predict_log", "classify_log", "regress_log", "multi_inference_log"})


def replay(servable: Servable, path: Path, run: Callable[[Any], None], iterations: int = 1) -> int:
    """Runs each recorded request of a version so many times; returns how many records there were.

    Args:
      servable: the version, which is loaded but not available yet.
      path: its folder. Without a file of records there is nothing to do.
      run: answers the request of a PredictionLog, or raises StatusError.
      iterations: 0 stands for 1, as in --num_request_iterations_for_warmup.

    Raises:
      StatusError: of the first request that fails; the file is no TFRecord (DATA_LOSS), holds something else or more
        than 1,000 records (INVALID_ARGUMENT), or a kind of request that cannot be replayed (UNIMPLEMENTED).
    """
    file = path / WARMUP_FILE
    if not file.is_file():
        log.info("No warmup data file found at %s", file)
        return 0
    log.info(
        "Starting to read warmup data for model {name: %s version: %d} at %s", servable.name, servable.version, file
    )
    start = time.monotonic()
    count = 0
    for count, record in enumerate(_records(file), start=1):
        request = _parsed(record, count, file)
        for _ in range(max(iterations, 1)):
            run(request)
    log.info(
        "Finished reading warmup data for model at %s. Number of warmup records read: %d. "
        "Elapsed time (microseconds): %d.",
        file,
        count,
        (time.monotonic() - start) * 1e6,
    )
    return count


def _parsed(record: bytes, count: int, file: Path) -> Any:
    if count > MAX_RECORDS:
        raise invalid_argument(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {file}")
    try:
        request = PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid_argument(f"Failed to parse warmup record: {record[:80]!r} from {file}") from error
    if (kind := request.WhichOneof("log_type")) not in REPLAYED:
        number = PredictionLog.DESCRIPTOR.fields_by_name[kind].number if kind else 0
        raise unimplemented(f"Unsupported log_type for warmup: {number}")
    return request


def _records(file: Path) -> Iterator[bytes]:
    import tensorflow as tf

    try:
        yield from tf.compat.v1.io.tf_record_iterator(str(file))  # no dataset: that would be made in the model's graph
    except tf.errors.DataLossError as error:
        message = f"{error.message}. Please verify your warmup data is in TFRecord format."
        raise StatusError(StatusCode.DATA_LOSS, message) from None
