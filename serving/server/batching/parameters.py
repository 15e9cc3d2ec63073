"""BatchingParameters of tensorflow_serving/servables/tensorflow/session_bundle_config.proto, read and checked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from schema.errors import UsageError
from serving.server.protos.session_bundle_config_pb2 import BatchingParameters

LARGEST = 2**31 - 1  # rows; TensorFlow Serving counts them in an int


@dataclass(frozen=True)
class Parameters:
    """How requests are put together; the names and defaults are those of the message.

    Attributes:
      max_batch_size: rows that one request may have; without splitting also rows of a batch.
      batch_timeout_micros: how long a batch waits for company when a thread is free to run it.
      max_enqueued_batches: batches that may wait in a queue.
      num_batch_threads: batches that may run at once, over all queues.
      allowed_batch_sizes: a batch is filled up to the next of these; empty for any size.
      max_execution_batch_size: rows of a batch when requests are split.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    thread_pool_name: str = "model_server_batch_threads"
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 1000

    @property
    def batch_limit(self) -> int:
        """The most rows of a batch."""
        return self.max_execution_batch_size if self.enable_large_batch_splitting else self.max_batch_size


def read(file: Path) -> Parameters:
    """Returns the parameters of a text proto.

    Raises:
      UsageError: it cannot be read, is no BatchingParameters, or its numbers do not go together.
    """
    try:
        return parse(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}.") from None
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from None


def parse(text: str) -> Parameters:
    """Returns the parameters that a text proto gives; what it leaves out has its default.

    Raises:
      UsageError: it is no BatchingParameters, or its numbers do not go together.
    """
    try:
        message = text_format.Parse(text, BatchingParameters())
    except text_format.ParseError as error:
        raise UsageError(
            f"Error parsing text-format tensorflow.serving.BatchingParameters: {error}. "
            "A field looks like this: max_batch_size { value: 128 }"
        ) from None
    parameters = Parameters(**_given(message))
    if wrong := next(_wrong(parameters), None):
        raise UsageError(wrong)
    return parameters


def _given(message: BatchingParameters) -> dict[str, Any]:
    given = {field.name: value for field, value in message.ListFields()}
    wrapped = {name: value.value for name, value in given.items() if _is_wrapped(name)}
    defaults = {
        "thread_pool_name": "batch_threads",
        "max_execution_batch_size": wrapped.get("max_batch_size", Parameters.max_batch_size),
    }
    return {
        **defaults,
        **wrapped,
        "allowed_batch_sizes": tuple(message.allowed_batch_sizes),
        "pad_variable_length_inputs": message.pad_variable_length_inputs,
    }


def _is_wrapped(name: str) -> bool:
    """Whether a field's number stands in a message of its own, as in `max_batch_size { value: 128 }`."""
    return BatchingParameters.DESCRIPTOR.fields_by_name[name].message_type is not None


def _wrong(parameters: Parameters) -> Iterator[str]:
    """What TensorFlow Serving refuses, in its words (bundle_factory_util.cc, shared_batch_scheduler.h)."""
    for name in ("max_batch_size", "num_batch_threads", "max_execution_batch_size"):
        if (value := getattr(parameters, name)) < 1:
            yield f"{name} must be positive; was {value}"
        if value > LARGEST:
            yield f"{name} must be at most {LARGEST}; was {value}"
    for name in ("batch_timeout_micros", "max_enqueued_batches"):
        if (value := getattr(parameters, name)) < 0:
            yield f"{name} must be non-negative; was {value}"
    if parameters.batch_limit > parameters.max_batch_size:
        yield (
            "max_execution_batch_size should be less than or equal to max_batch_size; "
            f"was {parameters.batch_limit}, with max_batch_size {parameters.max_batch_size}"
        )
    if sizes := parameters.allowed_batch_sizes:
        yield from _wrong_sizes(sizes, parameters)


def _wrong_sizes(sizes: tuple[int, ...], parameters: Parameters) -> Iterator[str]:
    if sizes[0] < 1 or any(former >= latter for former, latter in pairwise(sizes)):
        yield f"allowed_batch_sizes entries must be positive and monotonically increasing; were {list(sizes)}"
    if sizes[-1] != parameters.batch_limit:
        name = "max_execution_batch_size" if parameters.enable_large_batch_splitting else "max_batch_size"
        yield (
            f"Last entry in allowed_batch_sizes must match {name}; "
            f"last entry was {sizes[-1]}; expected {parameters.batch_limit}"
        )
