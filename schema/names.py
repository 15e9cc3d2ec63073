"""Names of columns as names of features, tensors and files."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def identifier(column: str) -> str:
    """Returns a column's name with `_` for what is no English letter, digit or `_`: "mean radius" is mean_radius.

    TensorFlow names a signature's inputs so, as it does tf.function's parameters; Keras takes no `/`; and a vocabulary
    is a file.
    """
    name = re.sub(r"[^A-Za-z0-9_]", "_", column)
    return name if name[:1].isalpha() else f"arg_{name}"
