"""Classify: classes and their scores for each tf.Example (tensorflow_serving/servables/tensorflow/classifier.cc)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tensorflow_serving.apis.classification_pb2 import ClassificationResult

from serving.server.inference.examples import check_input, shape_text, signature_of, type_name
from serving.server.inference.examples import run as run_on_examples
from serving.server.servable import Array, Servable, Signature
from serving.server.status import failed_precondition, invalid_argument

METHOD = "tensorflow/serving/classify"
OUTPUTS = ("classes", "scores")
TABLE = 2  # dimensions: [examples, classes]


def run(
    servable: Servable, key: str, examples: Sequence[bytes], deadline: float | None = None
) -> tuple[Array | None, Array | None]:
    """Returns the classes, texts [n, k], and their scores, float32 [n, k]; None for what the signature has not.

    Raises:
      StatusError: the signature is none of the model's or no classifier's, or the graph cannot be run on them.
    """
    signature = signature_of(servable, key)
    aliases = outputs_of(signature)
    arrays = dict(zip(aliases, run_on_examples(servable, signature, aliases, examples, deadline), strict=True))
    return checked(arrays, len(examples))


def outputs_of(signature: Signature) -> tuple[str, ...]:
    """Returns which of `classes` and `scores` a classifier's signature has.

    Raises:
      StatusError: it is no classifier's.
    """
    check_input(signature, "classification", METHOD)
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    aliases = tuple(alias for alias in OUTPUTS if alias in signature.outputs)
    if not aliases:
        raise failed_precondition(
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {sorted(signature.outputs)}"
        )
    return aliases


def checked(arrays: dict[str, Array], count: int) -> tuple[Array | None, Array | None]:
    """Returns the classes and the scores of `count` examples.

    Raises:
      StatusError: the model gave others than texts [count, k] and float32 [count, k].
    """
    for alias, kind, name in (("classes", object, "DT_STRING"), ("scores", np.float32, "DT_FLOAT")):
        array = arrays.get(alias)
        if array is None:
            continue
        if array.ndim != TABLE:
            raise invalid_argument(f"Expected Tensor shape: [batch_size num_classes] but got {shape_text(array)}")
        if array.dtype != kind:
            raise invalid_argument(f"Expected {alias} Tensor of {name}. Got: {type_name(array)}")
        if len(array) != count:
            raise invalid_argument(f"Expected {alias} output batch size of {count}. Got: {len(array)}")
    classes, scores = arrays.get("classes"), arrays.get("scores")
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise invalid_argument(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    return classes, scores


def result(classes: Array | None, scores: Array | None) -> ClassificationResult:
    """Returns them as a message."""
    either = classes if classes is not None else scores
    assert either is not None
    labels = classes.tolist() if classes is not None else [[b""] * either.shape[1]] * len(either)
    numbers = scores.tolist() if scores is not None else [[0.0] * either.shape[1]] * len(either)
    message = ClassificationResult()
    for row, values in zip(labels, numbers, strict=True):
        added = message.classifications.add().classes
        for label, score in zip(row, values, strict=True):
            added.add(label=label.decode("utf-8", "replace"), score=score)
    return message
