"""The default model: an ensemble of small networks that share most of their weights.

BatchEnsemble (Wen, Tran and Ba, 2020) as TabM has it for tables (Gorishniy, Kotelnikov and Babenko, 2024): the members
have one kernel a layer in common, and scales and biases of their own. Each is trained by its own loss; the model's
answer is the mean of their scores. A number comes in twice: as its z-score, and as how many quantiles it has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow_transform as tft

from components.layers import MemberHeads, MemberLayer
from components.preprocessing import LABEL_VOCABULARY, cardinalities
from components.settings import ModelSettings
from schema.roles import AnyRole, Numeric

Labels = npt.NDArray[Any]
DENSE_LIMIT = 5.0  # standard deviations; beyond it a value is an outlier, and its quantile says so


@dataclass(frozen=True)
class Shape:
    """What a model takes and gives.

    Attributes:
      dense: names of the float features.
      ids: how many ids each id feature may have, by name.
      problem: binary, multiclass or regression.
      classes: how many there are, of a multi-class problem; else 1.
      ordered: the id features whose ids grow with their column's value.
      redundant: the id features that say no more than some dense feature does, to a model that can cut numbers itself.
      label_mean, label_scale: mean and standard deviation of a regression's label in the train split.
    """

    dense: tuple[str, ...]
    ids: Mapping[str, int]
    problem: str
    classes: int = 1
    ordered: frozenset[str] = frozenset()
    redundant: frozenset[str] = frozenset()
    label_mean: float = 0.0
    label_scale: float = 1.0


def shape_of(
    roles: tuple[AnyRole, ...], problem: str, transform_output: tft.TFTransformOutput, labels: Labels | None = None
) -> Shape:
    """Returns the model's shape after the analysed training data; `labels` those of its rows, shape [rows]."""
    numeric = {role.column for role in roles if isinstance(role, Numeric)}
    ordered = [role for role in roles if role.ordered]
    return Shape(
        dense=tuple(name for role in roles for name in role.dense),
        ids={
            name: size
            for role in roles
            for name, size in zip(role.ids, cardinalities(role, transform_output), strict=True)
        },
        problem=problem,
        classes=transform_output.vocabulary_size_by_name(LABEL_VOCABULARY) if problem == "multiclass" else 1,
        ordered=frozenset(name for role in ordered for name in role.ids),
        redundant=frozenset(name for role in ordered for name in role.ids if set(role.columns) <= numeric),
        **(_label_scale(labels) if problem == "regression" and labels is not None else {}),
    )


def build_model(shape: Shape, settings: ModelSettings) -> keras.Model:
    """Returns the model, not compiled: named inputs, shape [batch], to raw scores (logits).

    The scores have the shape [batch, members, classes]; [batch, classes] is as good, for a model without members.
    """
    dense = {name: keras.Input((), name=name, dtype="float32") for name in shape.dense}
    ids = {name: keras.Input((), name=name, dtype="int64") for name in shape.ids}
    parts = [*_numbers(dense), *_passed_quantiles(shape, ids), *_vectors(shape, settings, ids)]
    joined = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    hidden = keras.ops.repeat(keras.ops.expand_dims(joined, 1), settings.members, axis=1)
    for number, units in enumerate(settings.hidden):
        hidden = MemberLayer(units, is_first=number == 0, name=f"hidden_{number}")(hidden)
        hidden = keras.layers.Dropout(settings.dropout)(hidden)
    scores = MemberHeads(shape.classes, name="scores", dtype="float32")(hidden)
    if shape.problem == "regression":
        scores = keras.layers.Rescaling(shape.label_scale, shape.label_mean, dtype="float32")(scores)
    return keras.Model(dense | ids, scores, name="ensemble")


def _label_scale(labels: Labels) -> dict[str, float]:
    scale = float(np.std(labels, dtype=np.float64))
    return {"label_mean": float(np.mean(labels, dtype=np.float64)), "label_scale": scale or 1.0}


def _numbers(dense: Mapping[str, Any]) -> list[Any]:
    if not dense:
        return []
    return [keras.ops.clip(keras.ops.stack(list(dense.values()), axis=1), -DENSE_LIMIT, DENSE_LIMIT)]


def _passed_quantiles(shape: Shape, ids: Mapping[str, Any]) -> list[Any]:
    """1.0 for each id of an ordered feature that the row's id reaches, 0.0 for each that it does not."""
    names = [name for name in shape.ids if name in shape.ordered]
    if not names:
        return []
    columns = np.concatenate([np.full(shape.ids[name] - 1, index) for index, name in enumerate(names)])
    steps = np.concatenate([np.arange(1, shape.ids[name]) for name in names])
    reached = keras.ops.take(keras.ops.stack([ids[name] for name in names], axis=1), columns, axis=1)
    return [keras.ops.cast(keras.ops.greater_equal(reached, steps), "float32")]


def _vectors(shape: Shape, settings: ModelSettings, ids: Mapping[str, Any]) -> list[Any]:
    """A vector for each category: all features share one table, so that a batch needs one look-up."""
    sizes = {name: size for name, size in shape.ids.items() if name not in shape.ordered}
    if not sizes:
        return []
    offsets = list(accumulate(sizes.values(), initial=0))[:-1]
    rows = keras.ops.stack([ids[name] for name in sizes], axis=1) + keras.ops.convert_to_tensor(offsets, "int64")
    table = keras.layers.Embedding(sum(sizes.values()), settings.embedding, name="vectors")
    return [keras.layers.Flatten()(table(rows))]
