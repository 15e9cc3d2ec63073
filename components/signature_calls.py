"""The signatures of a SavedModel, called in this process."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

Arrays = dict[str, dict[str, npt.NDArray[Any]]]  # of each signature, by name


def load(model: str) -> Any:
    """Returns the SavedModel in a folder."""
    import tensorflow as tf

    return tf.saved_model.load(model)


def call(loaded: Any, requests: Arrays) -> Arrays:
    """Returns the outputs of each signature of a loaded SavedModel, for the inputs of each."""
    import tensorflow as tf

    answers: Arrays = {}
    for signature, inputs in requests.items():
        tensors = {name: tf.constant(array) for name, array in inputs.items()}
        outputs = loaded.signatures[signature](**tensors)
        answers[signature] = {name: output.numpy() for name, output in outputs.items()}
    return answers
