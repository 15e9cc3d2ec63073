from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.packing import Packing

SPEC = {
    "miles": tf.io.FixedLenFeature((), tf.float32),
    "city": tf.io.FixedLenFeature([], tf.int64),
    "fare": tf.io.FixedLenFeature((), tf.float32),
    "place": tf.io.FixedLenFeature((2,), tf.float32),
    "words": tf.io.VarLenFeature(tf.string),
}
BATCH = 5


def features() -> dict[str, Any]:
    """Returns a batch of each kind of feature."""
    numbers = np.random.default_rng(1)
    return {
        "miles": tf.constant(numbers.normal(size=BATCH), tf.float32),
        "city": tf.constant(2**40 + np.arange(BATCH)),
        "fare": tf.constant(numbers.normal(size=BATCH), tf.float32),
        "place": tf.constant(numbers.normal(size=(BATCH, 2)), tf.float32),
        "words": tf.sparse.from_dense([["a", "b"], ["", ""], ["c", ""], ["", "d"], ["", ""]]),
    }


def test_features_are_the_same_when_they_are_unpacked() -> None:
    """Values of one a row go into the matrix of their type, to the last bit; the others stay as they are."""
    packing, given = Packing.of(SPEC), features()
    packed = packing.pack(given)
    assert {name: tensor.shape.as_list() for name, tensor in packed.items() if name != "words"} == {
        "float32": [BATCH, 2],
        "int64": [BATCH, 1],
        "place": [BATCH, 2],
    }
    unpacked = packing.unpack(packed)
    assert unpacked["words"] is given["words"]
    assert {name: unpacked[name].numpy().tolist() for name in SPEC if name != "words"} == {
        name: given[name].numpy().tolist() for name in SPEC if name != "words"
    }


def test_a_model_of_packed_features_is_the_one_of_features() -> None:
    """It answers the same, has the same weights, and may take some of the features only."""
    inputs = {"fare": keras.Input((), name="fare"), "place": keras.Input((2,), name="place")}
    joined = keras.layers.Concatenate()([keras.ops.expand_dims(inputs["fare"], 1), inputs["place"]])
    networks = keras.Model(inputs, keras.layers.Dense(3)(joined))
    packing, given = Packing.of(SPEC), features()
    model = packing.model(networks)
    expected = networks({name: given[name] for name in inputs}).numpy().tolist()
    assert model(packing.pack(given)).numpy().tolist() == expected
    assert [id(weight) for weight in model.weights] == [id(weight) for weight in networks.weights]
