"""A process of its own that loads a SavedModel, calls its signatures, and writes what they answered.

    python -m components.model_probe MODEL REQUESTS ANSWERS

REQUESTS and ANSWERS are .npz files; the array `signature/name` is an input, or an output, of that signature.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, dict[str, npt.NDArray[Any]]]


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Writes the arrays of each signature to one .npz file; texts are written as bytes of fixed width."""
    flat = {f"{signature}/{name}": array for signature, named in arrays.items() for name, array in named.items()}
    np.savez(path, **{key: _storable(array) for key, array in flat.items()})  # type: ignore[arg-type]


def read_arrays(path: Path) -> Arrays:
    """Returns what `write_arrays` wrote."""
    arrays: Arrays = {}
    with np.load(path) as stored:
        for key in stored.files:
            signature, name = key.split("/", 1)
            arrays.setdefault(signature, {})[name] = _restored(stored[key])
    return arrays


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


def _storable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Bytes of fixed width lose the zeros at their end, which a tf.Example may have: a guard byte keeps them."""
    if array.dtype != object:
        return array
    return np.array([value + b"." for value in array.ravel()], bytes).reshape(array.shape)


def _restored(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.kind != "S":
        return array
    return np.array([value[:-1] for value in array.ravel()], object).reshape(array.shape)


if __name__ == "__main__":
    write_arrays(Path(sys.argv[3]), call(load(sys.argv[1]), read_arrays(Path(sys.argv[2]))))
