"""Weights by class, for tables in which some class is rare; and what takes them out of the scores again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from schema.errors import UsageError, did_you_mean

BINARY_CLASSES = ("false", "true")
NAMES_OF_BINARY_CLASSES = {"0": "false", "1": "true"}


def weights_by_class(
    problem: str, setting: str | Mapping[str, float], labels: npt.NDArray[Any], classes: Sequence[str]
) -> tuple[float, ...] | None:
    """Returns the weight of each class; None where all rows count alike.

    `balanced` gives a class rows / (classes * its rows), as scikit-learn's class_weight does, so that all classes
    weigh the same.

    Args:
      problem: binary or multiclass; a row of the latter may have no class, and then must weigh nothing.
      setting: none, balanced, or the weight by class; a class that is not named has the weight 1.
      labels: the index of the class of each training row, shape [rows]; -1 where there is none.
      classes: the classes by index.

    Raises:
      UsageError: the setting names a class that there is not.
    """
    if setting == "none":
        return None if problem == "binary" else (1.0,) * len(classes)
    if isinstance(setting, Mapping):
        named = {_class_name(name, classes): weight for name, weight in setting.items()}
        return tuple(named.get(name, 1.0) for name in classes)
    counts = np.bincount(labels[labels >= 0].astype(np.int64), minlength=len(classes))
    return tuple(float(counts.sum() / (len(classes) * max(count, 1))) for count in counts)


def correction(problem: str, weights: Sequence[float]) -> npt.NDArray[np.float32]:
    """Returns what is added to the scores of a model trained with weights, so that they are those of the data as it is.

    Source: King and Zeng, "Logistic Regression in Rare Events Data" (2001), the prior correction: weights by class
    shift the log-odds of a class by the logarithm of its weight.
    """
    shift = -np.log(np.asarray(weights, np.float64))
    return (shift[1:] - shift[:1] if problem == "binary" else shift).astype(np.float32)


def _class_name(given: str, classes: Sequence[str]) -> str:
    name = NAMES_OF_BINARY_CLASSES.get(given, given.lower()) if classes == BINARY_CLASSES else given
    if name not in classes:
        raise UsageError(f"model.class_weights names the class {given!r}. {did_you_mean(given, classes)}")
    return name
