"""Keras layers of the default model: the members of an ensemble, and what follows them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from schema.errors import UsageError

MEMBERS_RANK = 3  # [batch, members, classes]


class MemberLayer(keras.layers.Layer):
    """A dense layer with ReLU, one kernel for all members, scales and biases of their own; [batch, members, units].

    The scales of the first layer's inputs begin as random signs, which is what makes the members differ.
    """

    def __init__(self, units: int, *, is_first: bool, **options: Any) -> None:
        super().__init__(**options)
        self._units = units
        self._scales = _random_signs if is_first else "ones"

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        _, members, width = shape
        self.kernel = self.add_weight((width, self._units), initializer="he_normal", name="kernel")
        self.scale_in = self.add_weight((members, width), initializer=self._scales, name="scale_in")
        self.scale_out = self.add_weight((members, self._units), initializer="ones", name="scale_out")
        self.bias = self.add_weight((members, self._units), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Returns the activations of each member."""
        return ops.relu(ops.matmul(inputs * self.scale_in, self.kernel) * self.scale_out + self.bias)


class MemberHeads(keras.layers.Layer):
    """A linear layer with weights of its own for each member: [batch, members, width] to [batch, members, classes]."""

    def __init__(self, classes: int, **options: Any) -> None:
        super().__init__(**options)
        self._classes = classes

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        _, members, width = shape
        self.kernel = self.add_weight((members, width, self._classes), initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight((members, self._classes), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Returns the scores of each member."""
        return ops.einsum("bmw,mwc->bmc", inputs, self.kernel) + self.bias


def mean_score(scores: Any) -> Any:
    """Returns the mean of the members' scores, shape [batch, classes]; scores without members as they are."""
    return ops.mean(scores, axis=1) if len(scores.shape) == MEMBERS_RANK else scores


def loss_of_each_member(loss: keras.losses.Loss, scores: Any) -> keras.losses.Loss:
    """Returns a loss over scores [batch, members, classes], the mean of the members' losses, or [batch, classes]."""
    shape: tuple[Any, ...] = getattr(scores, "shape", ())
    if len(shape) == MEMBERS_RANK:
        return _LossOfEachMember(loss, shape[1])
    if len(shape) == MEMBERS_RANK - 1:
        return loss
    given = f"scores have the shape {shape}" if shape else f"output is a {type(scores).__name__}"
    raise UsageError(f"The model's {given}. Legal is one tensor: [batch, classes], or [batch, members, classes].")


class _LossOfEachMember(keras.losses.Loss):
    def __init__(self, loss: keras.losses.Loss, members: int) -> None:
        super().__init__(name="mean_of_members")
        self._loss, self._members = loss, members

    def call(self, labels: Any, scores: Any) -> Any:
        """Returns the loss of each row, shape [batch]."""
        repeated = ops.repeat(ops.reshape(labels, (-1, 1)), self._members, axis=0)
        losses = self._loss.call(repeated, ops.reshape(scores, (-1, scores.shape[-1])))
        return ops.mean(ops.reshape(losses, (-1, self._members)), axis=1)


def _random_signs(shape: tuple[int, ...], dtype: Any = None) -> Any:
    return ops.cast(ops.where(keras.random.uniform(shape, -1.0, 1.0) < 0, -1.0, 1.0), dtype)
