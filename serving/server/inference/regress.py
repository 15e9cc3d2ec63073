"""Regress: a number for each tf.Example (tensorflow_serving/servables/tensorflow/regressor.cc)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tensorflow_serving.apis.regression_pb2 import RegressionResult

from serving.server.inference.examples import check_input, shape_text, signature_of, type_name
from serving.server.inference.examples import run as run_on_examples
from serving.server.servable import Array, Servable, Signature
from serving.server.status import failed_precondition, invalid_argument

METHOD = "tensorflow/serving/regress"
OUTPUTS = "outputs"
COLUMN = 2  # dimensions: [examples, 1]


def run(servable: Servable, key: str, examples: Sequence[bytes], deadline: float | None = None) -> Array:
    """Returns the numbers, float32 [n].

    Raises:
      StatusError: the signature is none of the model's or no regressor's, or the graph cannot be run on them.
    """
    signature = signature_of(servable, key)
    aliases = outputs_of(signature)
    return checked(run_on_examples(servable, signature, aliases, examples, deadline)[0], len(examples))


def outputs_of(signature: Signature) -> tuple[str, ...]:
    """Returns the one output of a regressor's signature.

    Raises:
      StatusError: it is no regressor's.
    """
    check_input(signature, "regression", METHOD)
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if OUTPUTS not in signature.outputs:
        raise failed_precondition(f"No regression outputs found in SignatureDef: {signature.key}")
    return (OUTPUTS,)


def checked(array: Array, count: int) -> Array:
    """Returns the numbers of `count` examples, float32 [count].

    Raises:
      StatusError: the model gave others than float32 [count] or [count, 1].
    """
    if array.ndim != 1 and (array.ndim != COLUMN or array.shape[1] != 1):
        raise invalid_argument(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {shape_text(array)}"
        )
    if len(array) != count:
        raise invalid_argument(f"Input batch size did not match output batch size: {count} vs. {len(array)}")
    if array.dtype != np.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {type_name(array)}")
    return array.reshape(count)


def result(values: Array) -> RegressionResult:
    """Returns them as a message."""
    message = RegressionResult()
    for value in values.tolist():
        message.regressions.add(value=value)
    return message
