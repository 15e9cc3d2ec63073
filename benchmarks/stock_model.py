"""The stock taxi template's network, so that both pipelines of `benchmarks/pipeline.py` train the same one."""

from __future__ import annotations

import keras

from components.model import Shape
from components.settings import ModelSettings

HIDDEN = (16, 8)


def build_model(shape: Shape, settings: ModelSettings) -> keras.Model:
    """Returns linear layers over the dense features beside the ids one-hot, and one score, shape [batch, 1]."""
    del settings
    dense = {name: keras.Input((), name=name) for name in shape.dense}
    ids = {name: keras.Input((), dtype="int64", name=name) for name in shape.ids}
    deep = keras.ops.stack(list(dense.values()), axis=1)
    for units in HIDDEN:
        deep = keras.layers.Dense(units)(deep)
    wide = [keras.ops.one_hot(one, shape.ids[name]) for name, one in ids.items()]
    return keras.Model({**dense, **ids}, keras.layers.Dense(1)(keras.ops.concatenate([deep, *wide], axis=1)))
