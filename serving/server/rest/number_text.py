"""Floating-point numbers as TensorFlow Serving writes them (WriteDecimal in tensorflow_serving/util/json_tensor.cc)."""

from __future__ import annotations

import numpy as np

from serving.server.servable import Array

EXACT_DIGITS = {np.dtype(np.float32): 9, np.dtype(np.float64): 17}  # max_digits10: enough to get the same number back
FLOAT_MAX = float(np.finfo(np.float32).max)
NOT_FINITE = {"nan.0": "NaN", "-nan.0": "NaN", "inf.0": "Infinity", "-inf.0": "-Infinity"}


def texts(array: Array) -> list[str]:
    """Returns each number of a float32 or float64 array, in C order.

    Six digits where these give the same number back, else as many as always do; `.0` after whole numbers, so that a
    client takes them for floats; NaN, Infinity and -Infinity as such.
    """
    flat = array.ravel()
    numbers = tuple(flat.tolist())
    short = ("%g " * len(numbers) % numbers).split()
    same = (np.array(list(map(float, short)), flat.dtype) == flat).tolist()
    if False in same:
        exact = (f"%.{EXACT_DIGITS[flat.dtype]}g " * len(numbers) % numbers).split()
        short = [six if ok else more for six, more, ok in zip(short, exact, same, strict=True)]
    marked = [text if "." in text or "e" in text else text + ".0" for text in short]
    return marked if np.isfinite(flat).all() else [NOT_FINITE.get(text, text) for text in marked]


def text(number: float) -> str:
    """Returns a number of a request as error messages repeat it: as a float32 where it is in its range."""
    kind = np.float32 if abs(number) <= FLOAT_MAX else np.float64
    return texts(np.array([number], kind))[0]
