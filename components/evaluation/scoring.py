"""A model's labels and predictions for serialised tf.Examples, as a TFMA ModelSpec says where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.summing import Scored

Array = npt.NDArray[Any]


class Scorer:
    """A model that answers.

    Args:
      path: its SavedModel.
      spec: names its signature, the label, and the prediction where the signature gives several.
      raw: how tf.Examples are parsed, where the label is one of their features.
    """

    def __init__(self, path: str, spec: config_pb2.ModelSpec, raw: dict[str, Any]) -> None:
        self._spec, self._raw = spec, raw
        self._model = tf.saved_model.load(path)  # without which its signatures lose their variables

    def score(self, records: Array) -> Scored:
        """Returns what the model says of tf.Examples, shape [rows]."""
        serialized = tf.constant(records, tf.string)
        outputs = self._call(self._spec.signature_name or "serving_default", serialized)
        key = self._spec.prediction_key or next(iter(outputs))
        return Scored(_flat(self._labels(serialized)), _flat(outputs[key]))

    def _labels(self, serialized: tf.Tensor) -> Any:
        key = self._spec.label_key
        for name in self._spec.preprocessing_function_names:
            made = self._call(name, serialized)
            if key in made:
                return made[key]
        feature = tf.io.parse_example(serialized, {key: self._raw[key]})[key]
        return tf.sparse.to_dense(feature) if isinstance(feature, tf.SparseTensor) else feature

    def _call(self, signature: str, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        function = self._model.signatures[signature]
        (name,) = function.structured_input_signature[1]
        answer: dict[str, tf.Tensor] = function(**{name: serialized})
        return answer


def _flat(tensor: Any) -> Array:
    """A tensor of shape [rows] or [rows, 1] as [rows], any other as it is."""
    values: Array = np.asarray(tensor)
    return values.reshape(len(values)) if values.size == len(values) else values
