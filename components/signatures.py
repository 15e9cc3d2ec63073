"""The three signatures of an exported model, and what they answer.

| signature | takes | gives |
|---|---|---|
| serving_default | `examples`: serialised tf.Examples, string [batch] | the outputs |
| predict_columns | one tensor [batch] for each raw column; a missing text is "", a missing number NaN | the outputs |
| transform_features | `examples`, as above | the transformed features and the label, each [batch] |

Outputs: binary `probability` [batch]; multi-class `probabilities` and `classes`, which names them, [batch, classes],
and `label` [batch]; regression `value` [batch]. A column's tensor has its name, or, where TensorFlow takes that for
none, its `identifier`: "mean radius" is mean_radius. Integers are taken as float64 by predict_columns, so that NaN can
say that one is missing; they are exact to 2^53.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from components.layers import mean_score
from components.model import Shape
from components.preprocessing import LABEL_VOCABULARY
from components.settings import TrainingOptions
from components.transform_layer import features_layer
from schema.expression import Expression
from schema.names import identifier

Tensors = dict[str, Any]
COLUMN_TYPES = {tf.string: tf.string, tf.int64: tf.float64, tf.float32: tf.float32}


class ServingModule(tf.Module):
    """The model behind its preprocessing graph.

    The model's TensorFlow variables are tracked, not the Keras model. Of a Keras variable Keras 3 saves a copy, and a
    loader written in C++, TensorFlow Serving's, restores the copy and not the variable that the functions read.
    """

    def __init__(
        self, model: keras.Model, shape: Shape, graph: tft.TFTransformOutput, options: TrainingOptions
    ) -> None:
        super().__init__()
        self._model = partial(model, training=False)  # untracked, as its variables are by themselves
        self._inputs = tuple(model.input)
        self.variables_of_model = tuple(variable.value for variable in model.variables)
        self.resources_of_model = tuple(resources(model))
        layer = features_layer(graph)
        self._transform = partial(layer)  # untracked, as Keras would trace all of it again in order to save it
        self.resources_of_transform = tuple(resources(layer))
        self._shape = shape
        label_columns = set(Expression(options.label).columns)
        spec = graph.raw_feature_spec()
        served = {column for role in options.features for column in role.columns}
        self._raw_spec = {name: kind for name, kind in spec.items() if name in served | label_columns}
        self._served_spec = {name: kind for name, kind in spec.items() if name in served}
        if shape.problem == "multiclass":
            classes = graph.vocabulary_by_name(LABEL_VOCABULARY)
            self.classes = tf.constant(classes)

    def signatures(self) -> dict[str, Any]:
        """Returns the concrete function of each signature, by name."""
        serialized = tf.TensorSpec([None], tf.string, "examples")
        columns = {
            identifier(name): tf.TensorSpec([None], COLUMN_TYPES[kind.dtype], identifier(name))
            for name, kind in self._served_spec.items()
        }
        return {
            "serving_default": traced(self.serve_examples, serialized),
            "predict_columns": traced(self.serve_columns, columns),
            "transform_features": traced(self.transform_examples, serialized),
        }

    def serve_examples(self, examples: tf.Tensor) -> Tensors:
        """Returns the outputs for serialised tf.Examples, shape [batch]."""
        return self._outputs(self._transform(tf.io.parse_example(examples, self._served_spec)))

    def serve_columns(self, columns: Tensors) -> Tensors:
        """Returns the outputs for raw columns, each of shape [batch]."""
        raw: Tensors = {}
        for dtype in COLUMN_TYPES:
            names = [name for name, kind in self._served_spec.items() if kind.dtype == dtype]
            if names:
                raw |= _present_values({name: columns[identifier(name)] for name in names}, dtype)
        return self._outputs(self._transform(raw))

    def transform_examples(self, examples: tf.Tensor) -> Tensors:
        """Returns the transformed features and the label, which is NaN or -1 where its columns are absent."""
        transformed: Tensors = self._transform(tf.io.parse_example(examples, self._raw_spec))
        return transformed

    def _outputs(self, features: Tensors) -> Tensors:
        scores = mean_score(tf.cast(self._model({name: features[name] for name in self._inputs}), tf.float32))
        if self._shape.problem == "binary":
            return {"probability": tf.sigmoid(scores[:, 0])}
        if self._shape.problem == "regression":
            return {"value": scores[:, 0]}
        return {
            "probabilities": tf.nn.softmax(scores),
            "classes": tf.tile(self.classes[tf.newaxis], [tf.shape(scores)[0], 1]),
            "label": tf.gather(self.classes, tf.argmax(scores, axis=1)),
        }


def export(
    model: keras.Model, shape: Shape, graph: tft.TFTransformOutput, options: TrainingOptions, folder: str
) -> None:
    """Writes the model as a SavedModel with its three signatures."""
    module = ServingModule(model, shape, graph, options)
    tf.saved_model.save(module, folder, signatures=module.signatures())


def traced(function: Callable[[Any], Tensors], spec: Any) -> Any:
    """Returns a function as a graph; without AutoGraph, which would spend seconds on the Python of TFT and Keras."""
    return tf.function(tf.autograph.experimental.do_not_convert(function)).get_concrete_function(spec)


def resources(model: Any) -> Iterator[Any]:
    """Yields what a model holds beside its variables that must be saved with it: lookup tables and their files."""
    for part in tf.train.TrackableView(model).descendants():
        if isinstance(part, tf.saved_model.experimental.TrackableResource | tf.saved_model.Asset):
            yield part


def _present_values(columns: Tensors, dtype: tf.DType) -> Tensors:
    """The values of dense columns of one type, shape [batch], without the missing ones; sparse, of shape [batch, 1]."""
    matrix = tf.stack(list(columns.values()))
    present = tf.not_equal(matrix, "") if dtype == tf.string else ~tf.math.is_nan(matrix)
    places = tf.where(present)  # of one column after the other
    values = tf.gather_nd(matrix, places)
    values = values if dtype == tf.string else tf.cast(values, dtype)
    indices = tf.pad(places[:, 1:], [[0, 0], [0, 1]])
    counts = tf.reduce_sum(tf.cast(present, tf.int64), axis=1)
    shape = tf.stack([tf.shape(matrix, tf.int64)[1], 1])
    parts = zip(*(tf.split(one, counts, num=len(columns)) for one in (indices, values)), strict=True)
    return {name: tf.SparseTensor(*part, shape) for name, part in zip(columns, parts, strict=True)}
