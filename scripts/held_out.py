"""Prints rows of a pipeline's test split, one JSON object a row: python scripts/held_out.py ROOT COUNT."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pipeline.chatter import Screen

FROM = 100  # rows of the split; the files are in the order of the data, and the first trips are much alike


def main(root: Path, count: int) -> None:
    """Prints rows from all over the latest ExampleGen's test split."""
    screen = Screen()
    screen.divert(root.parent / "logs" / "held_out.log")
    import tensorflow as tf

    from components.raw_examples import read_serialized

    latest = max((root / "ExampleGen" / "examples").iterdir(), key=lambda folder: int(folder.name))
    rows = read_serialized(str(latest / "Split-test"), FROM)[:: FROM // count]
    for serialized in rows:
        features = tf.train.Example.FromString(serialized).features.feature
        row = {name: value_of(features[name]) for name in sorted(features)}
        screen.out.write(json.dumps({name: value for name, value in row.items() if value is not None}) + "\n")
    screen.out.flush()


def value_of(feature: Any) -> str | float | None:
    """Returns the one value of a feature, a float32 as short as it can be told; None where it is missing."""
    kind = feature.WhichOneof("kind")
    values = getattr(feature, kind).value if kind else ()
    if not values:
        return None
    if kind == "float_list":
        return float(f"{values[0]:.7g}")
    return values[0].decode() if kind == "bytes_list" else int(values[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
