"""The default model: wide and deep over the feature roles.

Cheng et al., "Wide & Deep Learning for Recommender Systems" (2016). The wide part gives every category one weight; the
deep part gives it a vector. All id features share one table of each kind, so that a batch needs two look-ups, however
many features there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import keras
import tensorflow_transform as tft

from components.preprocessing import LABEL_VOCABULARY, cardinalities
from components.settings import ModelSettings
from schema.roles import AnyRole

DENSE_LIMIT = 5.0  # standard deviations; beyond it a value is an outlier, and its bucket says so


@dataclass(frozen=True)
class Shape:
    """What a model takes and gives: names of dense features, cardinality by id feature, and number of classes."""

    dense: tuple[str, ...]
    ids: Mapping[str, int]
    problem: str
    classes: int = 1


def shape_of(roles: tuple[AnyRole, ...], problem: str, transform_output: tft.TFTransformOutput) -> Shape:
    """Returns the model's shape after the analysed training data."""
    sizes = {
        name: size for role in roles for name, size in zip(role.ids, cardinalities(role, transform_output), strict=True)
    }
    classes = transform_output.vocabulary_size_by_name(LABEL_VOCABULARY) if problem == "multiclass" else 1
    return Shape(tuple(name for role in roles for name in role.dense), sizes, problem, classes)


def build_model(shape: Shape, settings: ModelSettings) -> keras.Model:
    """Returns the model, not compiled: named inputs, shape [batch], to raw scores (logits), shape [batch, classes]."""
    dense = {name: keras.Input((), name=name, dtype="float32") for name in shape.dense}
    ids = {name: keras.Input((), name=name, dtype="int64") for name in shape.ids}
    scores = keras.layers.Dense(shape.classes, name="deep", dtype="float32")(_deep(shape, settings, dense, ids))
    if ids:
        scores = keras.layers.Add(dtype="float32")([scores, _wide(shape, ids)])
    return keras.Model(dense | ids, scores, name="wide_and_deep")


def _deep(shape: Shape, settings: ModelSettings, dense: dict[str, Any], ids: dict[str, Any]) -> Any:
    parts = []
    if dense:
        parts.append(keras.ops.clip(keras.ops.stack(list(dense.values()), axis=1), -DENSE_LIMIT, DENSE_LIMIT))
    if ids:
        vectors = keras.layers.Embedding(sum(shape.ids.values()), settings.embedding, name="vectors")
        parts.append(keras.layers.Flatten()(vectors(_rows_of_table(shape, ids))))
    hidden = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    penalty = keras.regularizers.L2(settings.l2)
    for units in settings.hidden:
        hidden = keras.layers.Dense(units, activation="relu", kernel_regularizer=penalty)(hidden)
        hidden = keras.layers.Dropout(settings.dropout)(hidden)
    return hidden


def _wide(shape: Shape, ids: dict[str, Any]) -> Any:
    weights = keras.layers.Embedding(
        sum(shape.ids.values()), shape.classes, embeddings_initializer="zeros", name="weights", dtype="float32"
    )
    return keras.ops.sum(weights(_rows_of_table(shape, ids)), axis=1)


def _rows_of_table(shape: Shape, ids: dict[str, Any]) -> Any:
    """The row of the shared table for each id, shape [batch, id features]: each feature's ids follow the last one's."""
    offsets = list(accumulate(shape.ids.values(), initial=0))[:-1]
    return keras.ops.stack(list(ids.values()), axis=1) + keras.ops.convert_to_tensor(offsets, "int64")
