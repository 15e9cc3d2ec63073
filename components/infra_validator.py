"""InfraValidator: before a model is pushed, a process of its own loads it and must answer as it does in process."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model
from tfx.utils import path_utils

from components.model_probe import Arrays, call, load, read_arrays, write_arrays
from components.raw_examples import read_serialized, requests_for
from schema.errors import InfraNotBlessed

SAME_ANSWERS = ("serving_default", "predict_columns")


def answer_in_own_process(model: str, requests: Arrays, timeout_seconds: float) -> Arrays:
    """Returns what a fresh process answers.

    Raises:
      InfraNotBlessed: it failed, or took longer than the time-out.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "requests.npz"), Path(folder, "answers.npz")
        write_arrays(asked, requests)
        command = [sys.executable, "-m", "components.model_probe", model, str(asked), str(answered)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)
        except subprocess.TimeoutExpired:
            raise InfraNotBlessed(
                f"The model did not load and answer within {timeout_seconds:g} s. Give it longer with "
                "infra_validation.timeout_seconds, or make the model smaller."
            ) from None
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise InfraNotBlessed(f"A process of its own could not load the model and call it: {last}")
        return read_arrays(answered)


def differences(expected: Arrays, answered: Arrays, tolerance: float) -> Iterator[str]:
    """Yields a sentence for each output that differs by more than `tolerance`."""
    for signature, outputs in expected.items():
        for name, values in outputs.items():
            other = answered.get(signature, {}).get(name)
            if other is None:
                yield f"{signature} gave no {name!r}"
            elif not _equal(values, other, tolerance):
                yield f"{signature} answered another {name!r}: {_first_difference(values, other, tolerance)}"


@component
def InfraValidator(
    model: InputArtifact[Model],
    examples: InputArtifact[Examples],
    blessing: OutputArtifact[InfraBlessing],
    rows: Parameter[int],
    timeout_seconds: Parameter[float],
    tolerance: Parameter[float],
) -> None:
    """Blesses a model that answers in a process of its own as it does here, and the same from both kinds of input."""
    path = path_utils.serving_model_path(model.uri)
    loaded = load(path)
    requests = requests_for(loaded, read_serialized(artifact_utils.get_split_uri([examples], "test"), rows))
    here = call(loaded, requests)
    there = answer_in_own_process(path, requests, timeout_seconds)
    first, second = SAME_ANSWERS
    wrong = [*differences(here, there, tolerance), *differences({second: here[first]}, here, tolerance)]
    if wrong:
        raise InfraNotBlessed(f"The model does not answer as it does in process. {'; '.join(wrong)}.")
    Path(blessing.uri, "INFRA_BLESSED").touch()
    blessing.set_int_custom_property("blessed", 1)


def _equal(one: npt.NDArray[Any], other: npt.NDArray[Any], tolerance: float) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype == object:
        return bool(np.array_equal(one, other))
    return bool(np.allclose(one, other, rtol=0, atol=tolerance, equal_nan=True))


def _first_difference(one: npt.NDArray[Any], other: npt.NDArray[Any], tolerance: float) -> str:
    if one.shape != other.shape:
        return f"shape {one.shape} in process, {other.shape} there"
    differs = one != other if one.dtype == object else ~np.isclose(one, other, rtol=0, atol=tolerance, equal_nan=True)
    place = tuple(np.argwhere(differs)[0])
    return f"{one[place]} in process, {other[place]} there, at row {place[0] if place else 0}"
